import { Argument, Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { completeWords } from '../../src/commands/complete-words.js';

function program(): Command {
  const root = new Command('netorch').enablePositionalOptions();
  root
    .command('apply')
    .description('roll out')
    .argument('[file]')
    .option('--hosts <pattern>', 'only these')
    .option('-i, --inventory <source>', 'where')
    .option('--prune', 'more')
    .option('--deadline <time>', 'when')
    .addOption(new Option('--ui <kind>', 'how').choices(['auto', 'lines']))
    .addOption(new Option('--secret').hideHelp());
  root.command('diff').argument('<run-a>').argument('<run-b>');
  root.command('exec').argument('<hosts>').argument('<command...>');
  root.command('completion').addArgument(new Argument('<shell>').choices(['bash', 'fish']));
  const lab = root.command('lab');
  lab.command('up').option('--dir <folder>');
  lab.command('break').argument('<fault>');
  root.addCommand(new Command('__complete'), { hidden: true });
  return root;
}

async function complete(...words: readonly string[]) {
  const asked: (readonly string[])[] = [];
  const { candidates, files } = await completeWords(program(), words, {
    hosts: (inventory) => {
      asked.push(inventory);
      return Promise.resolve(['db1', 'web', 'web1', 'web2']);
    },
    runs: () => ['20260304T1', '20260303T1'],
  });
  return { values: candidates.map(({ value }) => value), files, asked };
}

test.each<[readonly string[], readonly string[]]>([
  [[''], ['apply', 'diff', 'exec', 'completion', 'lab']],
  [['ap'], ['apply']],
  [
    ['lab', ''],
    ['up', 'break'],
  ],
  [['lab', 'b'], ['break']],
  [
    ['apply', '--'],
    ['--hosts', '--inventory', '--prune', '--deadline', '--ui', '--help'],
  ],
  [['apply', '--p'], ['--prune']],
  [
    ['apply', '--ui', ''],
    ['auto', 'lines'],
  ],
  [['apply', '--ui=l'], ['--ui=lines']],
  [
    ['apply', '--hosts', 'w'],
    ['web', 'web1', 'web2'],
  ],
  [
    ['apply', '--hosts', 'web:!w'],
    ['web:!web', 'web:!web1', 'web:!web2'],
  ],
  [['apply', '--hosts', 'db1,&web1'], ['db1,&web1']],
  [['apply', '--hosts=d'], ['--hosts=db1']],
  [['apply', '--deadline', ''], []],
  [['exec', 'd'], ['db1']],
  [['exec', 'db1', 'x'], []],
  [
    ['diff', '2026'],
    ['20260304T1', '20260303T1'],
  ],
  [['diff', 'x', 'la'], ['last']],
  [['diff', 'x', 'y', ''], []],
  [['completion', 'f'], ['fish']],
  [['nonsense', ''], []],
])('%j', async (words, values) => {
  expect((await complete(...words)).values).toEqual(values);
});

test.each([
  [['apply', '']],
  [['apply', '-i', '']],
  [['lab', 'up', '--dir', '/t']],
  [['apply', '--prune', 'x']],
])('%j may be a file', async (words) => {
  expect((await complete(...words)).files).toBe(true);
});

test('the inventory that the line names is the one that is asked', async () => {
  const { asked } = await complete('apply', '-i', 'a.yml', '--inventory=b.yml', '--hosts', 'w');
  expect(asked).toEqual([['a.yml', 'b.yml']]);
});

test('no inventory is read when no host can come', async () => {
  expect((await complete('apply', '--u')).asked).toEqual([]);
});

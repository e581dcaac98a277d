import { Command } from 'commander';
import { expect, test } from 'vitest';
import { commandLine } from '../../src/commands/command-line.js';

test('a command line is kept with its options, so that it can be typed again', async () => {
  let line = '';
  const program = new Command('netorch').addCommand(
    new Command('apply')
      .argument('[file]')
      .option('--hosts <pattern>')
      .option('--prune')
      .action((_file, _options, command: Command) => {
        line = commandLine(command);
      }),
  );
  const words = ['apply', 'my plays/site.yml', '--hosts', 'web:!web3', '--prune'];
  await program.parseAsync(words, { from: 'user' });
  expect(line).toBe("netorch apply 'my plays/site.yml' --hosts 'web:!web3' --prune");
});

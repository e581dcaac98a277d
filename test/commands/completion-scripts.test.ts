/** The scripts in the shells that they are for, as far as those are installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPLETION_SCRIPTS } from '../../src/commands/completion-scripts.js';

const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;

/** Stands for netorch: knows three patterns and a place for files. */
const STUB = `#!/bin/sh
printf '%s\\n' "$*" >>"$ASKED"
case "$*" in
*--line*"'web:!w") printf 'web:!web1\\t\\n' ;;
*--line*'web:!w') printf 'web:!web1\\t\\nweb:!web2\\t\\n' ;;
*--line*--ui=*) printf '%s\\t\\n' --ui=auto --ui=lines ;;
*--line*'plan ') printf ':files\\n' ;;
*zzz) ;;
*pl*) printf 'plan\\tshow what would change\\n' ;;
esac
`;

let folder: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-completion-'));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'cwd'));
  writeFileSync(join(folder, 'cwd', 'site.yml'), '');
  writeFileSync(join(folder, 'bin', 'netorch'), STUB, { mode: 0o755 });
  for (const [shell, script] of Object.entries(COMPLETION_SCRIPTS)) {
    writeFileSync(join(folder, shell), script);
  }
  env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    ASKED: join(folder, 'asked'),
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(shell: string, program: string, ...args: readonly string[]): string {
  return execFileSync(shell, ['-c', program, shell, ...args], {
    cwd: join(folder, 'cwd'),
    env,
    encoding: 'utf8',
  });
}

describe.skipIf(!has('bash'))('bash', () => {
  const PROGRAM = `. "$2"; COMP_LINE="$1"; COMP_POINT=\${#1}; _netorch; printf '%s\\n' "\${COMPREPLY[@]}"`;
  test.each([
    ['what follows the last colon', 'netorch apply --hosts web:!w', ['\\!web1', '\\!web2']],
    ['all of it within quotes', "netorch apply --hosts 'web:!w", ['web:!web1']],
    ['what follows "="', 'netorch apply --ui=', ['auto', 'lines']],
    ['files', 'netorch plan ', ['site.yml']],
    ['a command', 'netorch plan', ['plan']],
    ['nothing', 'netorch zzz', ['']],
  ])('%s', (_, line, words) => {
    const answer = run('bash', PROGRAM, line, join(folder, 'bash'));
    expect(answer.split('\n').slice(0, -1)).toEqual(words);
  });
});

describe.skipIf(!has('zsh'))('zsh', () => {
  test('defines the function and asks for it to be called', () => {
    const program = `compdef() { print "compdef $*"; }; source "$1"; whence -w _netorch`;
    expect(run('zsh', program, join(folder, 'zsh'))).toBe(
      'compdef _netorch netorch\n_netorch: function\n',
    );
  });
});

describe.skipIf(!has('fish'))('fish', () => {
  test('shows what netorch says, with its description', () => {
    const program = `source $argv[1]; complete -C "netorch pl"`;
    expect(
      execFileSync('fish', ['-c', program, join(folder, 'fish')], { env, encoding: 'utf8' }),
    ).toBe('plan\tshow what would change\n');
  });
});

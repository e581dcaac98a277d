import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { agentScript } from '../../src/agents/bundle.js';
import { restoreScripts } from '../../src/backends/iproute2-restore.js';
import { bareHost } from '../network/documents.js';

/** What is read, by the shell and the awk given, as the kernel has it. */
function output(setting: string, shell = 'sh', awk?: string, path?: string): string {
  const chosen = awk === undefined ? '' : `awk() { command ${awk} "$@"; }`;
  const change = path === undefined ? '' : `PATH=${path}`;
  const script = [chosen, change, agentScript('readings'), setting, 'sysctl_files'].join('\n');
  const [program = '', ...words] = shell.split(' ');
  return execFileSync(program, [...words, '-c', script], { encoding: 'utf8' });
}

/** Interfaces whose sysctls are read. */
function read(setting: string): readonly string[] {
  const names = [...output(setting).matchAll(/^\/proc\/sys\/net\/ipv[46]\/conf\/([^/]+)\//gm)];
  return [...new Set(names.map((match) => match[1] ?? ''))].sort();
}

const scriptsFor = (names: readonly string[]) =>
  restoreScripts({
    observed: bareHost(),
    plan: { changes: [], scope: names, target: bareHost() },
    lines: names.flatMap((name) => [`link ${name} {}`, `sysctl ${name} ipv4 rp_filter 0`]),
  });

describe('the sysctls that a host reads for a comparison', () => {
  test('are those of the interfaces that are named', () => {
    expect(read("SYSCTL_OF='lo not-there'")).toEqual(['lo']);
  });

  test.each([
    ['sh', 'awk'],
    ['busybox ash', 'busybox awk'],
  ])('are told as the files hold them: %s, %s', (shell, awk) => {
    const lines = output("SYSCTL_OF='lo not-there'", shell, awk).trimEnd().split('\n');
    expect(lines).toHaveLength(17);
    expect(lines.at(-1)).toMatch('/proc/sys/kernel/hostname:');
    for (const line of lines) {
      const [file = '', value] = line.split(':', 2);
      expect(readFileSync(file, 'utf8')).toBe(`${value}\n`);
    }
  });

  test('are all of a host without awk, which can only be looked at', () => {
    const folder = mkdtempSync(join(tmpdir(), 'netorch-no-awk-'));
    const grep = execFileSync('sh', ['-c', 'command -v grep'], { encoding: 'utf8' }).trim();
    symlinkSync(grep, join(folder, 'grep'));
    // Other interfaces of this machine may come and go meanwhile.
    const sorted = (text: string): readonly string[] =>
      text
        .split('\n')
        .filter((line) => line.includes('/lo/') || line.includes('/hostname:'))
        .sort();
    const without = output(`! command -v awk || exit 3`, 'sh', undefined, folder);
    rmSync(folder, { recursive: true });
    expect(sorted(without)).toHaveLength(17);
    expect(sorted(without)).toEqual(sorted(output(':')));
  });

  test('are all without that', () => {
    expect(read(':')).toEqual(expect.arrayContaining(['all', 'default', 'lo']));
  });

  test('are none but the hostname where no interface counts', () => {
    expect(read('SYSCTL_OF=')).toEqual([]);
  });

  test('are asked for by name', () => {
    expect(scriptsFor(['eth1', 'eth2']).sysctlsOf).toEqual(['eth1', 'eth2']);
    expect(scriptsFor(['eth1', 'eth2']).restore).toContain("SYSCTL_OF='eth1 eth2'\n");
  });
});

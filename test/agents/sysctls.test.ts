import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

import { agentScript } from '../../src/agents/bundle.js';
import { restoreScripts } from '../../src/backends/iproute2-restore.js';
import { bareHost } from '../network/documents.js';

/** Interfaces whose sysctls are read, as the host's kernel has them. */
function read(setting: string): readonly string[] {
  const script = `${agentScript('readings')}\n${setting}\nsysctl_files || :`;
  const output = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
  const names = [...output.matchAll(/^\/proc\/sys\/net\/ipv[46]\/conf\/([^/]+)\//gm)];
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

  test('are all without that', () => {
    expect(read(':')).toEqual(expect.arrayContaining(['all', 'default', 'lo']));
  });

  test('are none but the hostname where no interface counts', () => {
    expect(read('SYSCTL_OF=')).toEqual([]);
  });

  test('are asked for by name where they are few, else all', () => {
    expect(scriptsFor(['eth1', 'eth2']).sysctlsOf).toEqual(['eth1', 'eth2']);
    expect(scriptsFor(['eth1', 'eth2']).restore).toContain("SYSCTL_OF='eth1 eth2'\n");
    const many = Array.from({ length: 65 }, (_, index) => `v${index}`);
    expect(scriptsFor(many).sysctlsOf).toBeUndefined();
    expect(scriptsFor(many).restore).not.toContain('SYSCTL_OF');
  });
});

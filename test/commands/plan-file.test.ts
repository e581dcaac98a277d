import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readPlanFile } from '../../src/commands/plan-file.js';

const folder = mkdtempSync(join(tmpdir(), 'netorch-plan-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PLAN = {
  kind: 'netorch-plan',
  version: 1,
  created: '2026-01-01T00:00:00Z',
  play: 'storage',
  becomeUser: 'root',
  waves: [['h1']],
  hosts: {
    h1: {
      fingerprint: 'f',
      confirmWindowSeconds: 30,
      probes: [{ kind: 'ping', address: '192.0.2.1' }],
      network: { interfaces: [{ name: 'eth1', mtu: 9000 }] } as Record<string, unknown>,
    },
  },
};

function read(change: (plan: typeof PLAN) => void) {
  const plan = structuredClone(PLAN);
  change(plan);
  const file = join(folder, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  return readPlanFile(file);
}

test('a saved plan keeps what its play says of waves and rights', async () => {
  const saved = await read(() => undefined);
  expect(saved?.play).toMatchObject({ waves: [['h1']], becomeUser: 'root' });
  expect(saved?.tasks.get('h1')).toMatchObject({ confirmWindowSeconds: 30 });
  expect(saved?.fingerprints.get('h1')).toBe('f');
});

test('a saved plan keeps its LLDP probes', async () => {
  const probe = { kind: 'lldp', device: 'eth1', switch: 'sw1', port: '3', isRequired: true };
  const saved = await read((plan) => void Object.assign(plan.hosts.h1, { probes: [probe] }));
  expect(saved?.tasks.get('h1')?.probes).toEqual([{ ...probe, location: expect.anything() }]);
});

test('a saved plan keeps its mesh probes, and whom they are about', async () => {
  const mesh = { addresses: { h1: ['10.100.0.1'] }, groups: { g: ['h1'] } };
  const probe = { kind: 'mesh', network: '10.100.0.0/24', size: 9000, of: 'g' };
  const saved = await read((plan) => {
    Object.assign(plan, { mesh });
    Object.assign(plan.hosts.h1, { probes: [probe] });
  });
  expect(saved?.play.mesh).toEqual(mesh);
  expect(saved?.tasks.get('h1')?.probes).toEqual([{ ...probe, location: expect.anything() }]);
});

test.each<[string, (plan: typeof PLAN) => void, RegExp]>([
  ['no time to confirm', (p) => (p.hosts.h1.confirmWindowSeconds = -1), /confirmWindowSeconds/],
  ['a year to confirm', (p) => (p.hosts.h1.confirmWindowSeconds = 3e7), /confirmWindowSeconds/],
  ['a host in two waves', (p) => p.waves.push(['h1']), /"h1" is twice/],
  ['a host without a plan', (p) => p.waves.push(['h2']), /no plan for "h2"/],
  [
    'an option of ping as its address',
    (p) => (p.hosts.h1.probes = [{ kind: 'ping', address: '-f' }]),
    /must be an address/,
  ],
  [
    'a network that no playbook may have',
    (p) =>
      (p.hosts.h1.network = {
        interfaces: ['bond0', 'bond1'].map((name) => ({
          name,
          type: 'bond',
          'link-aggregation': { mode: 'active-backup', port: ['eth1'] },
        })),
      }),
    /eth1/,
  ],
])('a plan file with %s is refused', async (_name, change, words) => {
  await expect(read(change)).rejects.toThrow(words);
});

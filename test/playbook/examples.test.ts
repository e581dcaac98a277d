import { readFile, readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { selectHosts } from '../../src/inventory/host-pattern.js';
import { parseDesiredState } from '../../src/network/parse.js';
import { networkPlanFor } from '../../src/playbook/network-plan.js';
import { parsePlaybook, probesFor } from '../../src/playbook/playbook.js';

const folder = new URL('../../playbooks/', import.meta.url);
const examples = (await readdir(folder)).filter((name) => name.endsWith('.yml'));
const inventory = createInventory(
  readInventoryGraph([
    {
      file: 'inventory.yml',
      text: 'cluster1: {hosts: {host1: {lab_index: 1}, host2: {lab_index: 2}}}',
    },
  ]),
);

async function load(name: string) {
  return parsePlaybook(name, await readFile(new URL(name, folder), 'utf8'));
}

describe.each(examples)('playbooks/%s', (name) => {
  test('says in its head what it is for', async () => {
    expect(await readFile(new URL(name, folder), 'utf8')).toMatch(/^# \S.*\n#/);
  });

  test('gives each host of the lab a plan that the schema accepts', async () => {
    const { plays } = await load(name);
    for (const play of plays) {
      expect(selectHosts(inventory, play.hosts)).toEqual(['host1', 'host2']);
      for (const host of inventory.hosts) {
        const plan = networkPlanFor(host, play, inventory);
        expect(plan).toBeDefined();
        if (plan === undefined) continue;
        expect(parseDesiredState(plan).interfaces.length).toBeGreaterThan(0);
        probesFor(host, play, inventory);
      }
    }
  });
});

test('site.yml rolls out the same as storage-network.yml', async () => {
  const plansOf = async (name: string) =>
    (await load(name)).plays.map((play) => networkPlanFor('host2', play, inventory)?.value);
  expect(await plansOf('site.yml')).toEqual(await plansOf('storage-network.yml'));
});

test('the storage network takes its address from lab_index and its VLAN from storage_vlan', async () => {
  const [play] = (await load('storage-network.yml')).plays;
  const wrong = createInventory(
    readInventoryGraph([
      { file: 'i.yml', text: 'cluster1: {hosts: {host7: {lab_index: 7, storage_vlan: 200}}}' },
    ]),
  );
  const plan = networkPlanFor('host7', play, wrong);
  expect(plan?.value).toMatchObject({
    interfaces: [
      { name: 'bond0', mtu: 9000 },
      { name: 'bond0.100', vlan: { id: 200 } },
      { name: 'br100', ipv4: { address: [{ ip: '10.100.0.17', 'prefix-length': 24 }] } },
    ],
  });
});

/**
 * The same documents through both backends lead to the same state of the kernel: the golden cases of the planner, each
 * built from bare NICs and then changed, on two hosts of which one's links are NetworkManager's.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';

import { Lab } from '../../src/lab/lab.js';
import { showState } from '../../src/network/show.js';
import type { NetworkState } from '../../src/network/state.js';
import { HOST } from './networkmanager-host.js';
import { ScenarioHost } from './scenario-host.js';
import { Stage } from './scenario-stage.js';

const golden = join(import.meta.dirname, '..', 'plan', 'golden');
const only = process.env['NETORCH_GOLDEN'];
const names = readdirSync(golden)
  .filter((name) => only === undefined || new RegExp(only).test(name))
  .sort();

/** What cannot be carried out through NetworkManager, and what the refusal names. */
const ONLY_IPROUTE2: Readonly<Record<string, string>> = {
  'bond-keeps-its-mac-for-its-active-port': 'fail_over_mac: follow',
  'bond-mode-changes-and-queues-are-put-back': 'queue-id and priority of bond ports',
  'bond-ports-swap-their-queues': 'queue-id and priority of bond ports',
  'bond-without-primary-and-targets': 'more than one address in arp_ip_target',
  'dhcp-starts-on-a-new-bridge': 'auto-route-metric',
  'dns-only': 'dns-resolver where no interface has an address of the family of the servers',
  'interfaces-called-by-an-alternative-name': 'alt-names',
  'mac-vlan-changes-its-mode': 'mode of mv0',
  'rule-without-source-beside-one-that-has-it': 'the rule 100',
  'rules-come-and-go': 'the rule 1001',
  'veth-pair-gets-another-peer': 'new interfaces of the type veth',
  'veth-pair-into-a-bridge': 'new interfaces of the type veth',
  'vlan-changes-in-place': 'gvrp, egress-qos-map',
  'vlan-stays-down-when-its-base-joins-a-bond': 'state: down',
  'vlan-that-takes-everything-goes': 'accept-all-mac-addresses',
  'vrf-goes-from-under-a-port-of-a-bridge': 'accept-all-mac-addresses',
  'vrf-takes-a-port-under-a-mac-vlan': 'accept-all-mac-addresses',
  'what-is-made-anew-keeps-its-names': 'alt-names',
};

function documentOf(name: string, file: string): unknown {
  const path = join(golden, name, file);
  return existsSync(path) ? parse(readFileSync(path, 'utf8')) : null;
}

/** `path = value` of every value of a document; interfaces by their names, other lists as sets. */
function valuesOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) => {
      const { name, ...others } = Object(item) as Record<string, unknown>;
      if (typeof name !== 'string') return [`${path}[] = ${JSON.stringify(item)}`];
      return valuesOf(others, `${path}.${name}`);
    });
  }
  if (typeof value !== 'object' || value === null) return [`${path} = ${String(value)}`];
  return Object.entries(value).flatMap(([key, item]) => valuesOf(item, `${path}.${key}`));
}

/**
 * What both must lead to. Not compared are interfaces that no document names, and what NetworkManager has always in a way
 * of its own where no document asks for it: it asks for router advertisements itself (`autoconf`), and gives each port of a
 * bridge the cost 100, which the kernel would make of its speed.
 */
function comparable(state: NetworkState, documents: string): readonly string[] {
  const isNamed = (word: string): boolean => new RegExp(`\\b${word}\\b`).test(documents);
  return valuesOf(showState(state))
    .filter((line) => {
      const name = /^\.interfaces\.([^.]+(?:\.\d+)?)\.(?=[a-z])/.exec(line)?.[1];
      if (name !== undefined && !isNamed(name)) return false;
      return ['autoconf', 'stp-path-cost'].every(
        (key) => isNamed(key) || !line.includes(`.${key} = `),
      );
    })
    .toSorted();
}

const suite = inject('labSuite');
const skipped = suite.missing === undefined ? '' : ` (skipped: ${suite.missing})`;

describe.skipIf(suite.missing !== undefined)(`both backends${skipped}`, () => {
  const hosts = new Map<'iproute2' | 'nmcli', ScenarioHost>();
  beforeAll(async () => {
    if (suite.missing !== undefined) return;
    const lab = await Lab.open(suite.labDir);
    hosts.set('iproute2', await ScenarioHost.start(lab, HOST));
    hosts.set('nmcli', await ScenarioHost.start(lab, HOST, { networkManager: true }));
  });
  afterAll(async () => {
    for (const host of hosts.values()) await host.stop();
  });

  /** The state that the case's documents lead to, as a document; or what a plan is refused with. */
  async function reached(
    backend: 'iproute2' | 'nmcli',
    name: string,
  ): Promise<readonly string[] | string> {
    const host = hosts.get(backend);
    if (host === undefined) throw new Error('the lab is not open yet');
    await host.open();
    // The golden cases begin with NICs of these addresses, and that are up, as NetworkManager has its own.
    await host.sh('for n in 1 2 3 4; do ip link set eth$n address 52:54:00:00:00:0$n up; done');
    const stage = new Stage(host, backend);
    const documents = ['observed.yml', 'desired.yml'].map((file) => documentOf(name, file));
    for (const apply of documents.filter((item) => item !== null)) {
      const { outcome, cause, details } = await stage.rollOut(apply);
      if (outcome === 'failed') return [cause, ...(details ?? [])].join('\n');
      // The message is what is read first.
      if (outcome !== 'confirmed' && outcome !== 'unchanged') {
        throw new Error([`${backend}: ${outcome}: ${cause}`, ...(details ?? [])].join('\n'));
      }
    }
    return comparable((await stage.observe()).state, JSON.stringify(documents));
  }

  for (const name of names) {
    test(name.replaceAll('-', ' '), async () => {
      const words = ONLY_IPROUTE2[name];
      if (words !== undefined) {
        expect(await reached('nmcli', name)).toContain(words);
        return;
      }
      const expected = await reached('iproute2', name);
      const found = await reached('nmcli', name);
      if (typeof expected === 'string' || typeof found === 'string') {
        throw new Error(`refused: ${String(expected)}, ${String(found)}`);
      }
      const differences = [
        ...expected.filter((line) => !found.includes(line)).map((line) => `iproute2: ${line}`),
        ...found.filter((line) => !expected.includes(line)).map((line) => `nmcli: ${line}`),
      ];
      expect(differences, differences.join('\n')).toEqual([]);
    });
  }
});

/**
 * How each link comes back: the file "links" of a transaction, which restore-links.sh reads on the host. A block an
 * interface, from below to above; its first line is `interface NAME`, the others `KEY VALUE`, without what is empty:
 *
 * - `create LINE`, `options LINE`, `idle LINE`: of `ip -batch`, one or more; to make it, to set what the plan sets,
 *   and what of that needs a bond that is down and without ports
 * - `identity ERE`: what its canonical line matches, if what stands there is that very thing
 * - `port WORDS`, `extra WORDS`, `promisc WORD`: what follows in `ip link set`; `extra` in pairs
 * - `master NAME`, `master-kind KIND`, `mac MAC`, `mtu N`, `up 0|1`, `no-primary 1`
 * - `fail-over active|follow`: a bond's fail_over_mac; `active NAME`: its port that carries the traffic, where MACs
 *   move with that; `port-mac MAC`: what a port of such a bond has now, which may be that of another one
 * - `alias 1`: it has one (restore.sh knows it), `alt-names NAMES`, `alt-gone NAMES`
 *
 * Pure.
 */
import type { InterfaceState, Link, NetworkState } from '../network/state.js';
import { dealsMacs, failOverMac } from '../network/state.js';
import {
  typeOptionsDifference,
  typeOptionWords,
  withTypeOptions,
} from '../network/type-options.js';
import type { Operation } from '../plan/change.js';
import { batchLine, escapeEre } from './batch.js';
import { bondRestore } from './bond-restore.js';
import { isBridgeDefault } from './bridge-defaults.js';
import { baseWords, bridgeWords, isPassthru, kindWord, linkTypeWords } from './iproute2.js';
import { portOptionWords } from './port-restore.js';
import { restoredProperties } from './restored-properties.js';

/** Printed, but not settable or fixed by the kernel. */
const BRIDGE_READ_ONLY = new Set([
  'mcast_hash_elasticity',
  'vlan_stats_per_port',
  'group_address',
  'no_linklocal_learn',
  'mcast_vlan_snooping',
]);

function settableBridgeOptions(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([key, value]) => !BRIDGE_READ_ONLY.has(key) && !isBridgeDefault(key, value),
    ),
  );
}

/** What tells this very thing from another one under its name. */
function identityPattern(item: InterfaceState, line: string): string {
  const { link } = item;
  switch (link.kind) {
    case 'vlan':
    case 'vxlan': {
      const data = /"info_kind":"[a-z]+","info_data":\{[^[\\*?]*/.exec(line)?.[0] ?? '';
      const base = link.kind === 'vlan' ? `${escapeEre(`"link":"${link.base}"`)}.*` : '';
      return `${base}${escapeEre(data)}`;
    }
    case 'vrf':
      return escapeEre(`"info_kind":"vrf","info_data":{"table":${link.table}}`);
    case 'mac-vlan':
    case 'mac-vtap': {
      const base = escapeEre(`"link":"${link.base}"`);
      const kind = escapeEre(`"info_kind":"${kindWord(link.kind)}"`);
      const mode = !isPassthru(link)
        ? '"mode":".[^a]' // every mode but passthru
        : `"mode":"passthru"${link.promiscuous ? ',"[^n]' : ',"nopromisc"'}`;
      return `${base}.*${kind}.*${mode}`;
    }
    case 'veth':
      return link.peer === undefined
        ? escapeEre('"info_kind":"veth"')
        : `${escapeEre(`"link":"${link.peer}"`)}.*${escapeEre('"info_kind":"veth"')}`;
    case 'bond':
      return '"info_kind":"bond"';
    case 'linux-bridge':
      return '"info_kind":"bridge"';
    default:
      return escapeEre(`"info_kind":"${kindWord(link.kind)}"`);
  }
}

/** Options that an operation of the plan sets on an interface. */
export function changedOptions(
  operations: readonly Operation[],
  op: Operation['op'],
  name: string,
): Set<string> {
  return new Set(
    operations.flatMap((operation) =>
      operation.op === op && 'options' in operation && operation.name === name
        ? Object.keys(operation.options)
        : [],
    ),
  );
}

function pick(
  options: Readonly<Record<string, string>>,
  keys: ReadonlySet<string>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => keys.has(key)));
}

/** The block of one interface; `line` is its canonical line, `operations` are those on it. */
export function linkRecipe(
  observed: NetworkState,
  item: InterfaceState,
  line: string,
  operations: readonly Operation[],
): readonly string[] {
  const { link } = item;
  let create: readonly string[] = [];
  let options: readonly string[] = [];
  let idleOptions: readonly string[] = [];
  let noPrimary = false;
  const set = (words: readonly string[]): string[] =>
    words.length === 0 ? [] : [batchLine(['link', 'set', 'dev', item.name, 'type', ...words])];
  if (link.kind === 'bond') {
    const bond = bondRestore(item.name, link, item.mac, operations);
    create = bond.create;
    options = bond.live;
    idleOptions = bond.idle;
    noPrimary = bond.noPrimary;
  } else if (link.kind === 'linux-bridge') {
    create = [
      createLine(item, ['type', 'bridge', ...bridgeWords(settableBridgeOptions(link.options))]),
    ];
    const changed = changedOptions(operations, 'set-bridge-options', item.name);
    // A change of the topology may have shortened it (net/bridge/br_stp.c, __br_set_topology_change).
    if (changed.has('stp_state')) changed.add('ageing_time');
    const before = bridgeWords(pick(link.options, changed));
    if (before.length > 0) options = set(['bridge', ...before]);
  } else {
    // A pair whose other end is in another namespace cannot be made from here: to this host it is a NIC.
    const isFarEnd = link.kind === 'veth' && link.peer === undefined;
    const type = isFarEnd ? undefined : linkTypeWords(link);
    if (type !== undefined) create = [createLine(item, type)];
    options = set(restoredTypeOptions(item.name, link, operations));
  }
  const controller =
    item.controller === undefined ? undefined : observed.interfaces.get(item.controller);
  const permanent = /"perm_hwaddr":"([0-9a-f:]+)"/.exec(line)?.[1];
  const isBondPort = controller?.link.kind === 'bond';
  const mac = isBondPort ? permanent : isPassthru(link) ? undefined : item.mac;
  const properties = restoredProperties(item, operations);
  const changedPort = changedOptions(operations, 'set-port-options', item.name);
  const values: readonly (readonly [string, readonly string[]])[] = [
    ['create', create],
    ['identity', create.length === 0 ? [] : [identityPattern(item, line)]],
    ['options', options],
    ['idle', idleOptions],
    ['no-primary', noPrimary ? ['1'] : []],
    ['port', [portOptionWords(line, observed, item, changedPort).join(' ')]],
    ['master', [item.controller ?? '']],
    ['master-kind', [controller?.link.kind ?? '']],
    ['mac', [mac ?? '']],
    ['mtu', [String(item.mtu)]],
    ['fail-over', [failOverMac(link)]],
    ['active', movesMacs(link) || failOverMac(link) !== '' ? [item.facts?.activePort ?? ''] : []],
    ['port-mac', controller !== undefined && movesMacs(controller.link) ? [item.mac ?? ''] : []],
    ['up', [item.up ? '1' : '0']],
    ['extra', create.length === 0 ? [] : [extraWords(line, item).join(' ')]],
    ['alias', item.alias === undefined || item.alias === '' ? [] : ['1']],
    ['alt-names', [properties.altNames.join(' ')]],
    ['alt-gone', [properties.altGone.join(' ')]],
    ['promisc', [properties.promisc]],
  ];
  return [
    `interface ${item.name}`,
    ...values.flatMap(([key, texts]) =>
      texts.flatMap((text) => (text === '' ? [] : [`${key} ${text}`])),
    ),
  ];
}

/** Do ports swap MACs as another one becomes active (bond_do_fail_over_mac, bond_alb_handle_active_change)? */
function movesMacs(link: Link): boolean {
  return failOverMac(link) === 'follow' || dealsMacs(link);
}

/** `WORD VALUE` pairs for `ip link set` that a link made anew lacks: queue length, group. */
function extraWords(line: string, item: InterfaceState): readonly string[] {
  const queue = /"txqlen":(\d+)/.exec(line)?.[1];
  const group = /"group":"([A-Za-z0-9_.-]+)"/.exec(line)?.[1] ?? 'default';
  const isDefaultQueue = queue === undefined || queue === '1000' || item.link.kind === 'loopback';
  return [
    ...(isDefaultQueue ? [] : ['txqueuelen', queue]),
    ...(group === 'default' ? [] : ['group', group]),
  ];
}

/** What set-type-options changes, as it was; from the target of the last one, or from any before it. */
function restoredTypeOptions(
  name: string,
  link: Link,
  operations: readonly Operation[],
): readonly string[] {
  const words: Record<string, string> = {};
  for (const operation of operations) {
    if (operation.op !== 'set-type-options' || operation.name !== name) continue;
    Object.assign(words, typeOptionsDifference(withTypeOptions(link, operation.options), link));
  }
  return Object.keys(words).length === 0 ? [] : [kindWord(link.kind), ...typeOptionWords(words)];
}

function createLine(item: InterfaceState, type: readonly (string | number)[]): string {
  return batchLine(['link', 'add', ...baseWords(item.link), 'name', item.name, ...type]);
}

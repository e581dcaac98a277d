/** Linux bridges: the `bridge:` part of documents, VLAN tables of ports, and the kernel's option names. */
import { z } from 'zod';
import { interfaceReference } from './interface-name.js';
import {
  documentation,
  integer,
  mac,
  mapping,
  oneOf,
  refused,
  scalarText,
  truth,
} from './scalars.js';
import type { PortVlan } from './state.js';
import { vlanProtocol } from './vlan.js';

const flag = truth.transform((value) => (value ? '1' : '0'));
const number = (maximum: number) => integer(0, maximum).transform(String);
/** Whole seconds in documents, 1/100 s in the kernel. */
const seconds = (minimum: number, maximum: number) =>
  integer(minimum, maximum).transform((value) => String(value * 100));
const uint32 = number(4_294_967_295);
/** 1/100 s, as the kernel has it; beyond 2^53 numbers lose digits. */
const ticks = number(Number.MAX_SAFE_INTEGER);

/** STP timers and their ranges are those of IEEE 802.1D, which the kernel holds to as well. */
const stpKeys = {
  enabled: ['stp_state', flag],
  'forward-delay': ['forward_delay', seconds(2, 30)],
  'hello-time': ['hello_time', seconds(1, 10)],
  'max-age': ['max_age', seconds(6, 40)],
  priority: ['priority', number(65_535)],
} as const;

const optionKeys = {
  'mac-ageing-time': ['ageing_time', seconds(0, 10_000_000)],
  'group-addr': ['group_address', mac],
  'group-forward-mask': ['group_fwd_mask', number(65_535)],
  'group-fwd-mask': ['group_fwd_mask', number(65_535)],
  'hash-max': ['mcast_hash_max', uint32],
  'multicast-last-member-count': ['mcast_last_member_count', uint32],
  'multicast-last-member-interval': ['mcast_last_member_interval', ticks],
  'multicast-membership-interval': ['mcast_membership_interval', ticks],
  'multicast-querier': ['mcast_querier', flag],
  'multicast-querier-interval': ['mcast_querier_interval', ticks],
  'multicast-query-interval': ['mcast_query_interval', ticks],
  'multicast-query-response-interval': ['mcast_query_response_interval', ticks],
  'multicast-query-use-ifaddr': ['mcast_query_use_ifaddr', flag],
  'multicast-router': [
    'mcast_router',
    scalarText(
      { disabled: '0', auto: '1', enabled: '2', 0: '0', 1: '1', 2: '2' },
      'must be one of disabled, auto, enabled',
    ),
  ],
  'multicast-snooping': ['mcast_snooping', flag],
  'multicast-startup-query-count': ['mcast_startup_query_count', uint32],
  'multicast-startup-query-interval': ['mcast_startup_query_interval', ticks],
  'vlan-default-pvid': ['vlan_default_pvid', number(4094)],
  'vlan-protocol': ['vlan_protocol', vlanProtocol],
  // netorch's own: nmstate filters as soon as a port has a VLAN section, and cannot say it otherwise.
  'vlan-filtering': ['vlan_filtering', flag],
} as const;

const portKeys = {
  'stp-priority': ['priority', number(63)],
  'stp-path-cost': ['cost', integer(1, 65_535).transform(String)],
  'stp-hairpin-mode': ['hairpin', truth.transform((value) => (value ? 'on' : 'off'))],
} as const;

const TIMERS = /^(forward_delay|hello_time|max_age|ageing_time|mcast_\w+_interval)$/;

/**
 * Are two values of an option the same to the kernel? It keeps timers in ticks of its own (250 a second,
 * where documents count hundredths), so what is read back may be one hundredth off.
 */
export function isSameBridgeOption(option: string, one: string, other: string): boolean {
  if (one === other) return true;
  return TIMERS.test(option) && Math.abs(Number(one) - Number(other)) <= 1;
}

type KeyTable = Readonly<Record<string, readonly [string, z.ZodType<string>]>>;

function optionalValues<T extends KeyTable>(table: T): { [K in keyof T]: z.ZodOptional<T[K][1]> } {
  return Object.fromEntries(
    Object.entries(table).map(([key, [, schema]]) => [key, schema.optional()]),
  ) as { [K in keyof T]: z.ZodOptional<T[K][1]> };
}

const vid = integer(1, 4094);

const portVlanSection = mapping({
  mode: oneOf(['access', 'trunk']).optional(),
  tag: vid.optional(),
  'enable-native': truth.optional(),
  'trunk-tags': z
    .array(
      mapping({
        id: vid.optional(),
        'id-range': mapping({ min: vid, max: vid }).optional(),
      }),
      'must be a list of {id} or {id-range: {min, max}}',
    )
    .optional(),
});

const ports = z
  .array(
    mapping({
      name: interfaceReference,
      ...optionalValues(portKeys),
      vlan: portVlanSection.optional(),
      'link-aggregation': refused('bonds inside of ports are Open vSwitch, which comes later'),
    }),
    'must be a list of {name}',
  )
  .optional();

export const bridgeSection = mapping({
  options: mapping({
    ...optionalValues(optionKeys),
    stp: mapping(optionalValues(stpKeys)).optional(),
    'gc-timer': documentation,
    'hello-timer': documentation,
    'allow-extra-ports': truth.optional(),
  }).optional(),
  port: ports,
  ports,
  slaves: ports,
  slave: ports,
  'allow-extra-ports': truth.optional(),
});

export type BridgeSection = z.output<typeof bridgeSection>;
type BridgePortSection = NonNullable<BridgeSection['port']>[number];
type PortVlanSection = NonNullable<BridgePortSection['vlan']>;

function kernelOptions(
  table: KeyTable,
  values: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, [name]] of Object.entries(table)) {
    const value = values[key];
    if (typeof value === 'string') result[name] = value;
  }
  return result;
}

/** The options given, by the kernel's names and in its units. */
export function desiredBridgeOptions(
  options: NonNullable<BridgeSection['options']>,
): Readonly<Record<string, string>> {
  return { ...kernelOptions(optionKeys, options), ...kernelOptions(stpKeys, options.stp ?? {}) };
}

export function desiredPortOptions(port: BridgePortSection): Readonly<Record<string, string>> {
  return kernelOptions(portKeys, port);
}

/** Where a kernel option is written in a document, from the interface's `bridge.options` on. */
export function bridgeOptionPath(option: string): readonly string[] {
  const stp = Object.entries(stpKeys).find(([, [name]]) => name === option);
  if (stp !== undefined) return ['stp', stp[0]];
  const plain = Object.entries(optionKeys).find(([, [name]]) => name === option);
  return plain === undefined ? [] : [plain[0]];
}

/** What is wrong with options of a bridge, taken together: [option, sentence] for each mistake. */
export function bridgeOptionProblems(
  options: Readonly<Record<string, string>>,
): readonly (readonly [string, string])[] {
  const problems: [string, string][] = [];
  const pvid = options['vlan_default_pvid'];
  if (pvid !== undefined && pvid !== '1' && options['vlan_filtering'] === '0') {
    problems.push([
      'vlan_default_pvid',
      'vlan-default-pvid needs VLAN filtering, which is switched off',
    ]);
  }
  // Bits 0, 1 and 2 are STP, pause frames and LACP: the kernel never forwards those.
  const mask = Number(options['group_fwd_mask'] ?? '0');
  if ((mask & 0b111) !== 0) {
    problems.push([
      'group_fwd_mask',
      `group-forward-mask is ${mask}; its lowest three bits (STP, pause, LACP) cannot be set`,
    ]);
  }
  const group = options['group_address'];
  if (group !== undefined && !/^01:80:c2:00:00:0[0-9a-f]$/.test(group)) {
    problems.push(['group_address', `group-addr is ${group}, must be 01:80:c2:00:00:0X`]);
  }
  // IEEE 802.1D, 17.14; the kernel does not check how the timers go together.
  const forward = options['forward_delay'];
  const age = options['max_age'];
  const hello = options['hello_time'];
  if (options['stp_state'] === '1' && age !== undefined) {
    if (forward !== undefined && 2 * (Number(forward) - 100) < Number(age)) {
      problems.push(['max_age', 'stp: max-age must be at most 2 × (forward-delay − 1)']);
    }
    if (hello !== undefined && Number(age) < 2 * (Number(hello) + 100)) {
      problems.push(['max_age', 'stp: max-age must be at least 2 × (hello-time + 1)']);
    }
  }
  return problems;
}

/** A mistake in a port's VLAN section: the key it is at, and a sentence. */
type VlanProblem = Readonly<{ key: readonly (string | number)[]; text: string }>;

/**
 * The VLAN table that a section asks for. An access port has its tag untagged and nothing else; a
 * trunk has its tags, and with enable-native one more, untagged, as PVID.
 */
export function portVlanTable(
  section: PortVlanSection,
): Readonly<{ vlans: readonly PortVlan[] | undefined; problems: readonly VlanProblem[] }> {
  const { tag, 'enable-native': native, 'trunk-tags': tags } = section;
  if (Object.keys(section).length === 0) return { vlans: undefined, problems: [] };
  const mode = section.mode ?? (tags === undefined ? 'access' : 'trunk');
  const problems: VlanProblem[] = [];
  const problem = (key: readonly (string | number)[], words: string): void => {
    problems.push({ key, text: words });
  };
  const table = new Map<number, PortVlan>();
  if (mode === 'access') {
    if (native === true) problem(['enable-native'], 'enable-native is for trunk ports only');
    if (tags !== undefined && tags.length > 0) {
      problem(['trunk-tags'], 'trunk-tags are for trunk ports only: write mode: trunk');
    }
    if (tag !== undefined) table.set(tag, { vid: tag, pvid: true, untagged: true });
    if (tag === undefined) problem(['mode'], 'an access port needs a tag');
    return { vlans: sortedTable(table), problems };
  }
  if (tags === undefined || tags.length === 0) problem(['mode'], 'a trunk port needs trunk-tags');
  if (native !== true && tag !== undefined) {
    problem(
      ['tag'],
      'the tag of a trunk port is its native VLAN: write enable-native: true with it',
    );
  }
  if (native === true && tag === undefined) {
    problem(['enable-native'], 'enable-native needs the tag of the native VLAN');
  }
  for (const [index, item] of (tags ?? []).entries()) {
    const range = item['id-range'];
    const at = ['trunk-tags', index] as const;
    if ((item.id === undefined) === (range === undefined)) {
      problem(at, 'an item of trunk-tags has either id or id-range');
      continue;
    }
    const [first, last] = range === undefined ? [item.id, item.id] : [range.min, range.max];
    if (first === undefined || last === undefined) continue;
    if (first > last) problem(at, `id-range has min ${first} above max ${last}`);
    for (let id = first; id <= last; id += 1) {
      if (table.has(id)) {
        problem(at, `VLAN ${id} is in trunk-tags twice`);
        break;
      }
      table.set(id, { vid: id, pvid: false, untagged: false });
    }
  }
  if (native === true && tag !== undefined) {
    if (table.has(tag))
      problem(['tag'], `VLAN ${tag} is the native VLAN and in trunk-tags as well`);
    table.set(tag, { vid: tag, pvid: true, untagged: true });
  }
  return { vlans: sortedTable(table), problems };
}

function sortedTable(table: ReadonlyMap<number, PortVlan>): readonly PortVlan[] {
  return [...table.values()].sort((a, b) => a.vid - b.vid);
}

/** The section for a VLAN table; undefined when nmstate's words cannot say it. */
export function portVlanSectionOf(vlans: readonly PortVlan[]): PortVlanDocument | undefined {
  const natives = vlans.filter((vlan) => vlan.pvid && vlan.untagged);
  const tagged = vlans.filter((vlan) => !vlan.pvid && !vlan.untagged);
  const [native] = natives;
  if (natives.length + tagged.length !== vlans.length || natives.length > 1) return undefined;
  if (tagged.length === 0) {
    return native === undefined ? undefined : { mode: 'access', tag: native.vid };
  }
  return {
    mode: 'trunk',
    'trunk-tags': ranges(tagged.map((vlan) => vlan.vid)),
    ...(native === undefined ? {} : { tag: native.vid, 'enable-native': true }),
  };
}

/** What `show` writes for one port. */
type PortVlanDocument = Readonly<
  | { mode: 'access'; tag: number }
  | { mode: 'trunk'; 'trunk-tags': readonly TrunkTag[]; tag?: number; 'enable-native'?: boolean }
>;
type TrunkTag = Readonly<{ id: number } | { 'id-range': Readonly<{ min: number; max: number }> }>;

function ranges(sortedIds: readonly number[]): readonly TrunkTag[] {
  const found: [number, number][] = [];
  for (const id of sortedIds) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === id - 1) last[1] = id;
    else found.push([id, id]);
  }
  return found.map(([min, max]) => (min === max ? { id: min } : { 'id-range': { min, max } }));
}

/** The `bridge.options` that say these kernel options; what no document can say is left out. */
export function bridgeOptionsDocument(
  options: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const plain: Record<string, unknown> = {};
  const stp: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(options)) {
    const [first, second] = bridgeOptionPath(option);
    if (first === undefined) continue;
    const [table, target, key] =
      second === undefined ? [optionKeys, plain, first] : [stpKeys, stp, second];
    const schema = (table as KeyTable)[key]?.[1];
    const written = schema === undefined ? undefined : writtenAs(schema, value);
    if (written !== undefined) target[key] = written;
  }
  return Object.keys(stp).length === 0 ? plain : { ...plain, stp };
}

export function portOptionsDocument(
  options: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {};
  for (const [key, [name, schema]] of Object.entries(portKeys as KeyTable)) {
    const value = options[name];
    const written = value === undefined ? undefined : writtenAs(schema, value);
    if (written !== undefined) result[key] = written;
  }
  return result;
}

/** The document's value that the schema turns into this kernel value, or undefined. */
function writtenAs(schema: z.ZodType<string>, value: string): unknown {
  const number = Number(value);
  const isNumber = /^\d+$/.test(value);
  const candidates: unknown[] = [
    ...(value === '0' || value === 'off' ? [false] : []),
    ...(value === '1' || value === 'on' ? [true] : []),
    ...(isNumber ? [number, number / 100] : []),
    value,
  ];
  return candidates.find((candidate) => {
    const result = schema.safeParse(candidate);
    return result.success && result.data === value;
  });
}

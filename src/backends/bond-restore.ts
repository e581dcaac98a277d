/**
 * How a bond gets back its options (drivers/net/bonding/bond_options.c). They depend on each other and on
 * the mode, and the kernel keeps values of a mode that it no longer is in: what a mode does not take is set
 * in one that does, before the bond goes into its own. Pure.
 */
import {
  BOND_DELAYS,
  BOND_OPTIONS_WHEN_DOWN,
  BOND_OPTIONS_WITHOUT_PORTS,
  modesOfBondOption,
} from '../network/bond.js';
import { BOND_DEFAULTS } from '../network/bond-defaults.js';
import type { BondLink, BondMode } from '../network/state.js';
import type { Operation } from '../plan/change.js';
import { batchLine } from './batch.js';
import { bondWords } from './iproute2.js';

type Options = Readonly<Record<string, string>>;

/** A bond made anew gets only what differs from these. */
const DEFAULTS: Options = { ...BOND_DEFAULTS, ad_actor_system: '00:00:00:00:00:00' };

/** Lists: shown only when there is something in them. */
const LISTS = ['arp_ip_target', 'ns_ip6_target'];
/** A change of one of these changes the others, or forbids them. */
const MONITORS = ['miimon', ...BOND_DELAYS, 'arp_interval', ...LISTS, 'arp_validate'];

export type BondRestore = Readonly<{
  /** Make it; batch lines. */
  create: readonly string[];
  /** While it is down and without ports. */
  idle: readonly string[];
  /** At any time. */
  live: readonly string[];
  /** It had no primary, for which `ip` has no word. */
  noPrimary: boolean;
}>;

const fits = (option: string, mode: BondMode): boolean =>
  modesOfBondOption(option)?.includes(mode) !== false;
const needsIdle = (option: string): boolean =>
  BOND_OPTIONS_WHEN_DOWN.has(option) || BOND_OPTIONS_WITHOUT_PORTS.has(option);

function pick(options: Options, isWanted: (key: string) => boolean): Options {
  return Object.fromEntries(Object.entries(options).filter(([key]) => isWanted(key)));
}

/** Options that some step of the plan sets. */
function givenOptions(name: string, operations: readonly Operation[]): ReadonlySet<string> {
  const given = operations.flatMap((operation) =>
    operation.op === 'set-bond-options' && operation.name === name
      ? Object.keys(operation.options)
      : [],
  );
  return new Set(given);
}

/** Options that some step of the plan sets, and those that the kernel changes along with them. */
function touchedOptions(name: string, operations: readonly Operation[]): ReadonlySet<string> {
  const touched = new Set(givenOptions(name, operations));
  if (touched.has('mode')) touched.add('tlb_dynamic_lb');
  if (['mode', 'miimon', 'arp_interval'].some((key) => touched.has(key)))
    for (const key of MONITORS) touched.add(key);
  return touched;
}

/**
 * The monitors as they were. Delays are refused without miimon, also when they are 0 (EPERM). A list of targets
 * that the plan gives stays in a mode that does not use it, until it is emptied.
 */
function monitorOptions(options: Options, mode: BondMode, given: ReadonlySet<string>): Options {
  const { miimon = '0' } = options;
  const lists = Object.fromEntries(
    LISTS.filter(
      (key) => fits('arp_interval', mode) || options[key] !== undefined || given.has(key),
    ).map((key) => [key, options[key] ?? '']),
  );
  if (miimon !== '0')
    return { ...pick(options, (key) => ['miimon', ...BOND_DELAYS].includes(key)), ...lists };
  const arp = fits('arp_interval', mode)
    ? pick(options, (key) => ['arp_interval', 'arp_validate'].includes(key))
    : {};
  return { miimon, ...arp, ...lists };
}

/** `mac`: the bond's own; made with it, because one with fail_over_mac takes no other later. */
export function bondRestore(
  name: string,
  link: BondLink,
  mac: string | undefined,
  operations: readonly Operation[],
): BondRestore {
  const { mode, options } = link;
  const set = (values: Options): string[] =>
    Object.keys(values).length === 0
      ? []
      : [batchLine(['link', 'set', 'dev', name, 'type', 'bond', ...bondWords(values)])];
  /** In modes that take them: what this mode does not, but has. */
  const inOtherModes = (values: Options): string[] => {
    const byMode = new Map<BondMode, Record<string, string>>();
    for (const [key, value] of Object.entries(values)) {
      const [other] = modesOfBondOption(key) ?? [];
      if (other === undefined || fits(key, mode)) continue;
      byMode.set(other, { ...byMode.get(other), [key]: value });
    }
    return [...byMode].flatMap(([other, own]) => set({ mode: other, ...own }));
  };

  const special = pick(options, (key) => key !== 'primary' && DEFAULTS[key] !== options[key]);
  const strange = inOtherModes(special);
  const fresh = pick(special, (key) => fits(key, mode));
  const add = [
    ...['link', 'add', 'name', name],
    ...(mac === undefined ? [] : ['address', mac]),
    ...['type', 'bond'],
  ];
  const create =
    strange.length === 0
      ? [batchLine([...add, ...bondWords({ mode, ...fresh })])]
      : [batchLine(add), ...strange, ...set({ mode, ...fresh })];

  const touched = touchedOptions(name, operations);
  const before = pick(options, (key) => touched.has(key) && key !== 'primary');
  const monitors = MONITORS.some((key) => touched.has(key));
  const foreign = inOtherModes(before);
  const own = pick(before, (key) => fits(key, mode) && !MONITORS.includes(key));
  const idle =
    touched.has('mode') || foreign.length > 0 || Object.keys(own).some(needsIdle)
      ? [...foreign, ...set({ mode }), ...set(pick(own, needsIdle))]
      : [];
  const primary = options['primary'];
  const live = [
    ...(monitors ? set(monitorOptions(options, mode, givenOptions(name, operations))) : []),
    ...set(pick(own, (key) => !needsIdle(key))),
    ...(primary === undefined || primary === '' ? [] : set({ primary })),
  ];
  return { create, idle, live, noPrimary: touched.has('primary') && primary === undefined };
}

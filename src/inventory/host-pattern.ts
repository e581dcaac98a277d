/** Ansible's host patterns: `web`, `all:!db`, `web:&dc1`, `h*`, `~h\d+`, `web[0]`, `web[0:2]`. */
import { nearest } from '../config/nearest.js';
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { globMatcher } from './glob.js';
import { parseHostAddress } from './host-address.js';
import { LOCAL_NAMES } from './inventory.js';
import type { Inventory } from './inventory.js';
import { pythonExpression } from './python-expression.js';

export type Hosts = Pick<Inventory, 'hosts' | 'declaredHosts' | 'groups'>;

/** One part of a pattern and what it did. */
export type PatternStep = Readonly<{
  /** As written, with `&` or `!`. */
  part: string;
  effect: 'adds' | 'keeps' | 'removes';
  groups: readonly string[];
  /** Hosts matched by their own name. */
  named: ReadonlySet<string>;
  /** All it stands for, after a subscript. */
  hosts: readonly string[];
}>;

/**
 * The hosts that a pattern names, each once, in the order of the patterns and of the groups. Plain
 * patterns count first, then `&`, then `!`, wherever they stand; an empty pattern is `all`. A list is
 * of single patterns, already split.
 *
 * Unlike Ansible, a part that matches nothing is an error (UNKNOWN_HOST), also behind `!`: a rollout to
 * `all:!prdo` would hit production. The result may be empty when `&` and `!` leave nothing.
 */
export function selectHosts(
  inventory: Hosts,
  pattern: string | readonly string[],
  location?: SourceLocation,
): string[] {
  return [...evaluate(patternSteps(inventory, pattern, location))];
}

/** The parts of a pattern in the order in which they count. Throws as selectHosts does. */
export function patternSteps(
  inventory: Hosts,
  pattern: string | readonly string[],
  location?: SourceLocation,
): readonly PatternStep[] {
  const parts = typeof pattern === 'string' ? splitHostPattern(pattern) : pattern;
  const of = (sign: RegExp): readonly string[] => parts.filter((part) => sign.test(part));
  const plain = of(/^[^&!]/);
  const resolver = new PartResolver(inventory, location);
  return [
    ...(plain.length === 0 ? ['all'] : plain).map((part) => resolver.step(part, part, 'adds')),
    ...of(/^&/).map((part) => resolver.step(part, part.slice(1), 'keeps')),
    ...of(/^!/).map((part) => resolver.step(part, part.slice(1), 'removes')),
  ];
}

function evaluate(steps: readonly PatternStep[]): ReadonlySet<string> {
  const selected = new Set<string>();
  for (const { effect, hosts } of steps) {
    if (effect === 'adds') for (const host of hosts) selected.add(host);
    else if (effect === 'removes') for (const host of hosts) selected.delete(host);
    else {
      const wanted = new Set(hosts);
      for (const host of selected) if (!wanted.has(host)) selected.delete(host);
    }
  }
  return selected;
}

/**
 * At commas if there are any; else a name, an address or a range stays whole (`2001:db8::1`, `h[1:3]`);
 * else at colons and blanks outside of brackets.
 */
export function splitHostPattern(pattern: string): readonly string[] {
  const parts = pattern.includes(',')
    ? pattern.split(',')
    : parseHostAddress(pattern) !== undefined
      ? [pattern]
      : (pattern.match(/(?:\[[^\]]*\]|[^\s:[\]])+/g) ?? []);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

type Subscript = Readonly<{ pattern: string; first: number; last: number | undefined }>;

/** `[0]`, `[-1]`, `[0:2]` (inclusive), `[1:]`, and the old `[1-2]`; so `w[12]` is no character class. */
function parseSubscript(part: string): Subscript | undefined {
  const found = /^(.+)\[(?:(-?\d+)|(\d+)[:-](\d*))\]$/.exec(part);
  if (found === null) return undefined;
  const [, pattern = '', single, first, last] = found;
  if (single !== undefined) return { pattern, first: Number(single), last: undefined };
  const end = last === undefined || last === '' ? Number.MAX_SAFE_INTEGER - 1 : Number(last);
  // `[2:0]` is the third host, as in Ansible, where an end of 0 is no end.
  return { pattern, first: Number(first), last: end === 0 ? undefined : end };
}

class PartResolver {
  readonly #inventory: Hosts;
  readonly #location: SourceLocation | undefined;
  readonly #hosts: ReadonlySet<string>;
  /** The one name of this machine: the inventory's, else the first that the pattern uses. */
  #local: string | undefined;

  constructor(inventory: Hosts, location: SourceLocation | undefined) {
    this.#inventory = inventory;
    this.#location = location;
    this.#hosts = new Set(inventory.declaredHosts);
    this.#local = inventory.declaredHosts.find((host) => LOCAL_NAMES.includes(host));
  }

  step(part: string, pattern: string, effect: PatternStep['effect']): PatternStep {
    if (this.#hosts.has(part)) {
      return { part, effect, groups: [], named: new Set([part]), hosts: [part] };
    }
    const subscript = pattern.startsWith('~') ? undefined : parseSubscript(pattern);
    const { groups, named } = this.#matching(subscript?.pattern ?? pattern, pattern);
    const members = groups.flatMap((name) => this.#inventory.groups.get(name)?.hosts ?? []);
    // As Ansible does, a subscript counts a host twice that is in two matching groups.
    const found = [...members, ...named];
    return {
      part,
      effect,
      groups,
      named: new Set(named),
      hosts: [
        ...new Set(subscript === undefined ? found : this.#subscripted(found, subscript, part)),
      ],
    };
  }

  #subscripted(
    hosts: readonly string[],
    { pattern, first, last }: Subscript,
    part: string,
  ): readonly string[] {
    if (last !== undefined) return hosts.slice(first, last + 1);
    if (hosts.length === 0) return [];
    const host = hosts.at(first);
    if (host !== undefined) return [host];
    const text = `"${part}": "${pattern}" has ${hosts.length} hosts, counted from 0`;
    throw new NetorchError('UNKNOWN_HOST', text, { location: this.#location });
  }

  #matching(
    pattern: string,
    written: string,
  ): { groups: readonly string[]; named: readonly string[] } {
    const { declaredHosts, groups: all } = this.#inventory;
    if (pattern.startsWith('@')) {
      throw new NetorchError('NOT_SUPPORTED', `"${pattern}": a file of hosts is for --limit only`, {
        location: this.#location,
        notes: ['here, write the names, separated by commas'],
      });
    }
    const matches = this.#matcher(pattern);
    const groups = [...all.keys()].filter(matches);
    const wantsHosts = groups.length === 0 || pattern.startsWith('~') || /[.?*[]/.test(pattern);
    const named = wantsHosts ? declaredHosts.filter(matches) : [];
    if (groups.length > 0 || named.length > 0) return { groups, named };
    if (LOCAL_NAMES.includes(pattern)) {
      this.#local ??= pattern;
      return { groups, named: [this.#local] };
    }
    const near = nearest(pattern, [...all.keys(), ...declaredHosts]);
    throw new NetorchError(
      'UNKNOWN_HOST',
      `no host or group matches "${written}"${near === undefined ? '' : ` (did you mean "${near}"?)`}`,
      { location: this.#location, notes: near === undefined ? [this.#inventoryText()] : [] },
    );
  }

  #matcher(pattern: string): (name: string) => boolean {
    if (!pattern.startsWith('~')) return globMatcher(pattern);
    const expression = pythonExpression(pattern.slice(1));
    if (expression !== undefined) return (name) => expression.test(name);
    throw new NetorchError('INVALID_VALUE', `"${pattern}" is no regular expression`, {
      location: this.#location,
    });
  }

  #inventoryText(): string {
    const { groups, hosts } = this.#inventory;
    const names = [...groups.keys()].slice(0, 12).join(', ');
    return `groups: ${names}${groups.size > 12 ? ', …' : ''} (${hosts.length} hosts)`;
  }
}

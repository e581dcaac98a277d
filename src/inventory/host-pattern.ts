/** Ansible's host patterns: `web`, `all:!db`, `web:&dc1`, `h*`, `~h\d+`, `web[0]`, `web[0:2]`. */
import { nearest } from '../config/nearest.js';
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import type { Inventory } from './inventory.js';

/**
 * The hosts that a pattern names, each once, in the order of the patterns and of the groups. Plain
 * patterns count first, then `&`, then `!`, wherever they stand; an empty pattern is `all`.
 *
 * Unlike Ansible, a part that matches nothing is an error (UNKNOWN_HOST), also behind `!`: a rollout to
 * `all:!prdo` would hit production. The result may be empty when `&` and `!` leave nothing.
 */
export function selectHosts(
  inventory: Pick<Inventory, 'hosts' | 'groups'>,
  pattern: string,
  location?: SourceLocation,
): string[] {
  const parts = splitPattern(pattern);
  const resolve = (part: string): readonly string[] => resolvePart(inventory, part, location);
  const plain = parts.filter((part) => !/^[&!]/.test(part));
  const selected = new Set((plain.length === 0 ? ['all'] : plain).flatMap(resolve));
  for (const part of parts.filter((found) => found.startsWith('&'))) {
    const wanted = new Set(resolve(part.slice(1)));
    for (const host of selected) if (!wanted.has(host)) selected.delete(host);
  }
  for (const part of parts.filter((found) => found.startsWith('!'))) {
    for (const host of resolve(part.slice(1))) selected.delete(host);
  }
  return [...selected];
}

/** At commas if there are any, else at colons outside of brackets; an IPv6 address stays whole. */
function splitPattern(pattern: string): readonly string[] {
  const parts = pattern.includes(',')
    ? pattern.split(',')
    : isIpv6(pattern.trim().replace(/^[&!]/, ''))
      ? [pattern]
      : (pattern.match(/(?:\[[^\]]*\]|[^:])+/g) ?? []);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function isIpv6(text: string): boolean {
  const shape = /^[0-9a-f:]+(?::\d+\.\d+\.\d+\.\d+)?(?:%\w+)?$/i;
  return shape.test(text) && (text.includes('::') || text.split(':').length === 8);
}

function resolvePart(
  inventory: Pick<Inventory, 'hosts' | 'groups'>,
  part: string,
  location: SourceLocation | undefined,
): readonly string[] {
  if (part.startsWith('@')) {
    throw new NetorchError('NOT_SUPPORTED', `"${part}": files of host names are not read yet`, {
      location,
      notes: ['write the names, separated by commas'],
    });
  }
  if (inventory.hosts.includes(part)) return [part];
  const subscript = part.startsWith('~') ? undefined : parseSubscript(part);
  const hosts = matching(inventory, subscript?.pattern ?? part, part, location);
  if (subscript === undefined) return hosts;
  const { first, last } = subscript;
  if (last !== undefined) return hosts.slice(first, last + 1);
  const host = hosts.at(first);
  if (host !== undefined) return [host];
  const text = `"${part}": "${subscript.pattern}" has ${hosts.length} hosts, counted from 0`;
  throw new NetorchError('UNKNOWN_HOST', text, { location });
}

type Subscript = Readonly<{ pattern: string; first: number; last: number | undefined }>;

/** `[0]`, `[-1]`, `[0:2]` (inclusive), `[1:]`, and the old `[1-2]`; so `w[12]` is no character class. */
function parseSubscript(part: string): Subscript | undefined {
  const found = /^(.+)\[(?:(-?\d+)|(\d+)([:-])(\d*))\]$/.exec(part);
  if (found === null) return undefined;
  const [, pattern = '', single, first, , last] = found;
  if (single !== undefined) return { pattern, first: Number(single), last: undefined };
  const end = last === undefined || last === '' ? Number.MAX_SAFE_INTEGER - 1 : Number(last);
  return { pattern, first: Number(first), last: end };
}

function matching(
  inventory: Pick<Inventory, 'hosts' | 'groups'>,
  pattern: string,
  written: string,
  location: SourceLocation | undefined,
): readonly string[] {
  const matches = matcher(pattern, location);
  const groups = [...inventory.groups.values()].filter((group) => matches(group.name));
  const hosts = new Set(groups.flatMap((group) => group.hosts));
  const wantsHosts = groups.length === 0 || pattern.startsWith('~') || /[.?*[]/.test(pattern);
  const named = wantsHosts ? inventory.hosts.filter((host) => matches(host)) : [];
  for (const host of named) hosts.add(host);
  if (groups.length > 0 || named.length > 0) return [...hosts];
  const near = nearest(pattern, [...inventory.groups.keys(), ...inventory.hosts]);
  throw new NetorchError(
    'UNKNOWN_HOST',
    `no host or group matches "${written}"${near === undefined ? '' : ` (did you mean "${near}"?)`}`,
    { location, notes: near === undefined ? [inventoryText(inventory)] : [] },
  );
}

function inventoryText({ groups, hosts }: Pick<Inventory, 'hosts' | 'groups'>): string {
  const names = [...groups.keys()].slice(0, 12).join(', ');
  return `groups: ${names}${groups.size > 12 ? ', …' : ''} (${hosts.length} hosts)`;
}

function matcher(pattern: string, location: SourceLocation | undefined): (name: string) => boolean {
  if (!pattern.startsWith('~')) {
    const glob = globExpression(pattern);
    return (name) => name === pattern || glob.test(name);
  }
  try {
    // As Python's re.match: anchored at the start only.
    const expression = new RegExp(`^(?:${pattern.slice(1)})`, 'u');
    return (name) => expression.test(name);
  } catch (cause) {
    throw new NetorchError('INVALID_VALUE', `"${pattern}" is no regular expression`, {
      location,
      cause,
    });
  }
}

/** Python's fnmatch: `*`, `?`, `[abc]`, `[!abc]`, the whole name, case-sensitive. */
function globExpression(pattern: string): RegExp {
  const source = pattern.replace(
    /\[(!?)([^\]]+)\]|\*+|\?|[\s\S]/g,
    (token, negated: string | undefined, set: string | undefined) => {
      if (set !== undefined) {
        const escaped = set.replace(/[\\\]^]/g, '\\$&');
        return isCharacterSet(escaped) ? `[${negated ? '^' : ''}${escaped}]` : '(?!)';
      }
      if (token.startsWith('*')) return '.*';
      if (token === '?') return '.';
      return token.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    },
  );
  return new RegExp(`^${source}$`, 's');
}

/** A set with a range that counts down (`[z-a]`) matches nothing. */
function isCharacterSet(set: string): boolean {
  try {
    return new RegExp(`[${set}]`) instanceof RegExp;
  } catch {
    return false;
  }
}

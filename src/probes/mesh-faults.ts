/**
 * Who does not reach whom, in few words, and whose fault it is: lines for every pair would be N*N of them.
 * Pure. Faults are taken to be mutual: an answer takes both directions.
 */

export type MeshFault = Readonly<{
  from: string;
  to: string;
  /** The largest packet that was answered, in bytes; 0: none was. */
  bytes: number;
}>;

const MOST_SENTENCES = 6;

/**
 * The hosts without which nobody would miss anybody: again and again, whoever misses the most. Of two halves
 * that do not reach each other, and of two single hosts, both.
 */
export function culprits(faults: readonly MeshFault[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (;;) {
    const missed = neighbours(faults.filter(({ from, to }) => !found.has(from) && !found.has(to)));
    const most = Math.max(0, ...[...missed.values()].map((others) => others.size));
    if (most === 0) return found;
    for (const [host, others] of missed) if (others.size === most) found.add(host);
  }
}

/** `hosts`: all that were asked or have asked, in the order in which they are to be named. */
export function meshText(faults: readonly MeshFault[], hosts: readonly string[]): string {
  const known = hosts.filter((host, index) => hosts.indexOf(host) === index);
  const missed = neighbours(faults);
  const missing = known.filter((host) => missed.has(host));
  if (missing.length === 0) return '';
  const isAlone = (host: string) => missed.get(host)?.size === known.length - 1;
  const alone = missing.filter(isAlone);
  if (alone.length === known.length) {
    return `${shortNames(known)} do not reach each other${limitOf(faults)}`;
  }
  const sentences: string[] = [];
  if (alone.length > 0) {
    const about = faults.filter(({ from, to }) => alone.includes(from) || alone.includes(to));
    const verb = alone.length === 1 ? 'is' : 'are';
    sentences.push(`${shortNames(alone)} ${verb} reached by nobody${limitOf(about)}`);
  }
  const rest = faults.filter(({ from, to }) => !alone.includes(from) && !alone.includes(to));
  const restMissed = neighbours(rest);
  // Hosts that miss the same others are one side.
  const sides = new Map<string, string[]>();
  for (const host of known) {
    const others = restMissed.get(host);
    if (others === undefined) continue;
    const key = known.filter((other) => others.has(other)).join('\n');
    sides.set(key, [...(sides.get(key) ?? []), host]);
  }
  const told = new Set<string>();
  for (const [key, side] of sides) {
    const others = key.split('\n').filter((other) => !told.has(`${other}\n${side[0]}`));
    if (others.length === 0) continue;
    for (const one of side) for (const other of others) told.add(`${one}\n${other}`);
    const about = rest.filter(
      ({ from, to }) =>
        (side.includes(from) && others.includes(to)) ||
        (side.includes(to) && others.includes(from)),
    );
    sentences.push(
      `${shortNames(side)} and ${shortNames(others)} do not reach each other${limitOf(about)}`,
    );
  }
  const more = sentences.length - MOST_SENTENCES;
  return [
    ...sentences.slice(0, MOST_SENTENCES),
    ...(more > 0 ? [`and ${more} more such groups`] : []),
  ].join('; ');
}

function limitOf(faults: readonly MeshFault[]): string {
  const least = Math.min(...faults.map(({ bytes }) => bytes));
  return least === 0 ? '' : ` with more than ${least} bytes`;
}

function neighbours(faults: readonly MeshFault[]): ReadonlyMap<string, ReadonlySet<string>> {
  const missed = new Map<string, Set<string>>();
  const add = (one: string, other: string) => {
    const others = missed.get(one);
    if (others === undefined) missed.set(one, new Set([other]));
    else others.add(other);
  };
  for (const { from, to } of faults) {
    add(from, to);
    add(to, from);
  }
  return missed;
}

const NAMED = 8;

/** "h1-h4, h7": numbers that follow each other as a range. */
export function shortNames(names: readonly string[]): string {
  const parts: string[] = [];
  for (let index = 0; index < names.length;) {
    const first = names[index] ?? '';
    let end = index;
    while (follows(names[end] ?? '', names[end + 1])) end += 1;
    if (end - index >= 2) parts.push(`${first}-${names[end]}`);
    else parts.push(...names.slice(index, end + 1));
    index = end + 1;
  }
  const more = parts.length - NAMED;
  return more > 0 ? `${parts.slice(0, NAMED).join(', ')} and ${more} more` : parts.join(', ');
}

function follows(name: string, next: string | undefined): boolean {
  if (next === undefined) return false;
  const number = /^(.*?)(\d+)(\D*)$/.exec(name);
  if (number === null) return false;
  const [, before = '', digits = '', after = ''] = number;
  const following = String(Number(digits) + 1).padStart(digits.length, '0');
  return next === `${before}${following}${after}`;
}

/** Which hosts are changed together: `serial`, `never_together`, `spread`, and what must come last. */
import { serialSize, type SerialStep } from './serial-waves.js';

export type WaveRules = Readonly<{
  serial: readonly SerialStep[];
  /** Two hosts for which one of these gives one value are never in one wave; undefined binds a host to none. */
  neverTogether: readonly ((host: string) => string | undefined)[];
  spread: ((host: string) => string | undefined) | undefined;
}>;

/** Each host in exactly one wave; the order of `hosts` is kept where no rule says otherwise. */
export function planWaves(
  hosts: readonly string[],
  rules: WaveRules,
): readonly (readonly string[])[] {
  const { spread } = rules;
  let left = spread === undefined ? [...hosts] : spreadOver(hosts, spread);
  const waves: string[][] = [];
  while (left.length > 0) {
    const size = serialSize(waves.length, hosts.length, rules.serial);
    const wave: string[] = [];
    const taken = rules.neverTogether.map(() => new Set<string>());
    const rest: string[] = [];
    for (const host of left) {
      const values = rules.neverTogether.map((valueOf) => valueOf(host));
      const isFree = values.every(
        (value, index) => value === undefined || !taken[index]?.has(value),
      );
      if (wave.length >= size || !isFree) {
        rest.push(host);
        continue;
      }
      wave.push(host);
      values.forEach((value, index) => {
        if (value !== undefined) taken[index]?.add(value);
      });
    }
    waves.push(wave);
    left = rest;
  }
  return waves;
}

/** The waves with `last` taken out of them, each in a wave of its own at the end, in this order. */
export function lastAndAlone(
  waves: readonly (readonly string[])[],
  last: readonly string[],
): readonly (readonly string[])[] {
  const known = new Set(waves.flat());
  const alone = new Set(last);
  return [
    ...waves.map((wave) => wave.filter((host) => !alone.has(host))),
    ...last.filter((host) => known.has(host)).map((host) => [host]),
  ].filter((wave) => wave.length > 0);
}

/** Neighbours in the list have different values as far as that goes, and any stretch of it is spread evenly. */
function spreadOver(
  hosts: readonly string[],
  valueOf: (host: string) => string | undefined,
): string[] {
  const groups = new Map<string | undefined, string[]>();
  for (const host of hosts) {
    const value = valueOf(host);
    const group = groups.get(value) ?? [];
    group.push(host);
    groups.set(value, group);
  }
  // Each host has its place in its group between 0 and 1; in the order of places the groups interleave.
  return [...groups.values()]
    .flatMap((group, turn) =>
      group.map((host, index) => ({ host, place: (index + 0.5) / group.length, turn })),
    )
    .sort((a, b) => a.place - b.place || a.turn - b.turn)
    .map(({ host }) => host);
}

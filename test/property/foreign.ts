/**
 * What others have on a host, before a change and meanwhile: a bridge of containers with an address, a route of
 * a routing daemon through it, a rule, a blackhole. No document names any of it, and all of it stays.
 */
import { prefixOf } from './random-document.js';

type When = 'before' | 'meanwhile';

/** Commands that make it, for each of the slots. */
export function foreignScript(slots: readonly number[], when: When): string {
  return slots
    .flatMap((slot) => {
      const bridge = `${prefixOf(slot)}${when === 'before' ? 'cni0' : 'cni1'}`;
      const net = `10.${when === 'before' ? 200 : 201}.${slot}`;
      const family = when === 'before' ? 5000 : 6000;
      return [
        `link add ${bridge} address 02:00:0f:0f:${when === 'before' ? '00' : '01'}:${String(slot).padStart(2, '0')} type bridge`,
        `link set ${bridge} up`,
        `addr add ${net}.1/24 dev ${bridge}`,
        `route add ${net.replace('10.', '11.')}.0/24 via ${net}.9 dev ${bridge} proto 12`,
        `route add blackhole ${net.replace('10.', '12.')}.0/24 table ${family + slot} proto 12`,
        `rule add pref ${family + slot} from ${net}.0/24 lookup ${family + slot}`,
      ];
    })
    .map((line) => `ip ${line}`)
    .join('\n');
}

/** Lines of the comparison that are about such things. */
export function foreignLines(lines: readonly string[], when: When): readonly string[] {
  const pattern =
    when === 'before'
      ? /\b[a-p]cni0\b|\b1[0-2]\.200\.\d+\.|rule4 50\d\d:/
      : /\b[a-p]cni1\b|\b1[0-2]\.201\.\d+\.|rule4 60\d\d:/;
  return lines.filter((line) => pattern.test(line));
}

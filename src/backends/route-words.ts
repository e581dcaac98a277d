/** A route in the words of `ip route`. */
import { nextHopWords, qualityWords } from '../network/route.js';
import type { Route } from '../network/state.js';

export function routeWords(route: Route, action: 'replace' | 'del'): readonly (string | number)[] {
  return [
    'route',
    action,
    ...(route.type === 'unicast' ? [] : [route.type]),
    route.destination,
    ...(route.nextHopAddress === undefined ? [] : ['via', route.nextHopAddress]),
    ...(route.nextHopInterface === undefined ? [] : ['dev', route.nextHopInterface]),
    'table',
    route.table,
    ...(route.metric === undefined ? [] : ['metric', route.metric]),
    ...(route.source === undefined ? [] : ['src', route.source]),
    ...(action === 'replace' ? ['proto', route.protocol, ...qualityWords(route)] : []),
    ...(route.onlink ? ['onlink'] : []),
    // They come last: what stands behind "nexthop" belongs to it.
    ...(route.nextHops === undefined ? [] : nextHopWords(route.nextHops)),
  ];
}

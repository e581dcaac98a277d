/**
 * Routes with several next hops (ECMP) taken apart and put together again. In documents, as in nmstate,
 * each next hop is an entry of its own with a weight; they are added and removed one by one.
 */
import { compareHops, routeSlot } from './route.js';
import type { NextHop, Route } from './state.js';

/** A route with at most one next hop; with a weight, it is one of several. */
export type SingleRoute = Route & Readonly<{ nextHops?: never; weight?: number }>;

const isSingle = (route: Route): route is SingleRoute => route.nextHops === undefined;

export function splitHops(route: Route): readonly SingleRoute[] {
  if (isSingle(route)) return [route];
  const { nextHops = [], ...rest } = route;
  return nextHops.map((hop) => ({
    ...rest,
    nextHopInterface: hop.interface,
    nextHopAddress: hop.address,
    onlink: hop.onlink,
    weight: hop.weight,
  }));
}

/** A group of which one is left is a plain route: the kernel makes no difference. */
export function joinHops(routes: readonly SingleRoute[]): readonly Route[] {
  const groups = new Map<string, SingleRoute[]>();
  const key = (route: SingleRoute): string => `${route.family} ${route.type} ${routeSlot(route)}`;
  for (const route of routes) {
    if (route.weight === undefined) continue;
    groups.set(key(route), [...(groups.get(key(route)) ?? []), route]);
  }
  if (groups.size === 0) return routes;
  return routes.flatMap((route): readonly Route[] => {
    if (route.weight === undefined) return [route];
    const group = groups.get(key(route)) ?? [];
    if (group[0] !== route) return [];
    const { weight: _weight, ...first } = route;
    if (group.length === 1) return [first];
    const hops = group.flatMap((single): readonly NextHop[] =>
      single.nextHopInterface === undefined
        ? []
        : [
            {
              interface: single.nextHopInterface,
              address: single.nextHopAddress,
              weight: single.weight ?? 1,
              onlink: single.onlink,
            },
          ],
    );
    return [
      {
        ...first,
        nextHopInterface: undefined,
        nextHopAddress: undefined,
        onlink: false,
        nextHops: hops.sort(compareHops),
      },
    ];
  });
}

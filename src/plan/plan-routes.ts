/** Routes: removed and added one by one, and put back where the kernel dropped them. */
import { routeDevices, routeText } from '../network/route.js';
import type { Route } from '../network/state.js';
import { routeKey, sameRoute } from './kernel-model.js';
import type { PlanDraft, Why } from './plan-draft.js';

export function removeRoutes(draft: PlanDraft): void {
  const kept = new Set(draft.input.target.routes.map(routeKey));
  for (const route of [...draft.model.routes]) {
    if (route.foreign || draft.input.target.routes.some((wanted) => sameRoute(wanted, route)))
      continue;
    // A route with the same key is replaced in one step later, without a gap.
    if (kept.has(routeKey(route))) continue;
    // With its device it goes by itself, also where that is one of several (NETDEV_UNREGISTER).
    if (routeDevices(route).some((device) => draft.mustGo(device))) continue;
    draft.emit(
      {
        id: `remove route ${routeText(route)}`,
        action: 'delete',
        object: `route ${route.destination}`,
        summary: `remove route ${routeText(route)}`,
        why: whyRoute(draft, route, 'its address or interface goes'),
      },
      { op: 'delete-route', route },
    );
  }
}

export function addRoutes(draft: PlanDraft): void {
  const missing = draft.input.target.routes.filter(
    (route) => !route.foreign && !draft.model.routes.some((other) => sameRoute(other, route)),
  );
  // A next hop must be reachable when its route is added: routes without one come first.
  const hops = (route: Route) =>
    route.nextHopAddress === undefined && route.nextHops === undefined ? 0 : 1;
  for (const route of [...missing].sort((a, b) => hops(a) - hops(b))) {
    const wasThere = draft.input.observed.routes.some((other) => sameRoute(other, route));
    draft.emit(
      {
        id: `set route ${routeText(route)}`,
        action: wasThere ? 'modify' : 'create',
        object: `route ${route.destination}`,
        summary: `${wasThere ? 'put back' : 'add'} route ${routeText(route)}`,
        why: whyRoute(draft, route, 'the kernel drops it in the course of the changes'),
      },
      { op: 'add-route', route },
    );
  }
}

function whyRoute(draft: PlanDraft, route: Route, consequence: string): Why {
  const wanted = draft.input.desired.routes.find(
    (item) =>
      (item.exactly === undefined || sameRoute(item.exactly, route)) &&
      (item.destination === undefined || item.destination === route.destination) &&
      (item.nextHopInterface === undefined ||
        item.nextHopInterface === route.nextHopInterface ||
        routeDevices(route).includes(item.nextHopInterface)) &&
      (item.nextHopAddress === undefined ||
        item.nextHopAddress === route.nextHopAddress ||
        route.nextHops?.some((hop) => hop.address === item.nextHopAddress) === true) &&
      (item.table === undefined || item.table === route.table),
  );
  if (wanted?.reason !== undefined) return { text: wanted.reason, location: undefined };
  if (wanted?.location !== undefined) {
    return { text: wanted.absent ? 'routes: state absent' : 'routes', location: wanted.location };
  }
  return { text: consequence, location: undefined };
}

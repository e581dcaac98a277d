/** What is known of all watched hosts, made of the events one by one. As large as there are hosts. */
import { assertNever } from '../errors.js';
import type { MonitorEvent, NetworkChange } from '../run/monitor-events.js';

export type HostView = Readonly<{
  host: string;
  state: 'dialling' | 'watched' | 'lost' | 'given-up';
  links: number;
  withoutCarrier: ReadonlySet<string>;
  events: number;
  leftOut: number;
  /** The newest change, or why it is not watched. */
  last: Readonly<{ atMs: number; change: NetworkChange }> | undefined;
  reason: string;
  /** When the state began. */
  sinceMs: number;
  retryAtMs: number | undefined;
}>;

export type MonitorView = Readonly<{
  startedMs: number | undefined;
  command: string;
  /** One map from the beginning to the end: a copy for each event would cost a fleet seconds. */
  hosts: Map<string, HostView>;
  events: number;
  leftOut: number;
  isOver: boolean;
}>;

export const EMPTY_MONITOR_VIEW: MonitorView = {
  startedMs: undefined,
  command: '',
  hosts: new Map(),
  events: 0,
  leftOut: 0,
  isOver: false,
};

/** More names without carrier than these are not kept. */
const MOST_NAMES = 64;

/** The view after the event; the one before must not be used any more. */
export function reduceMonitor(view: MonitorView, event: MonitorEvent): MonitorView {
  const atMs = Date.parse(event.at);
  switch (event.type) {
    case 'monitor.started':
      return {
        ...EMPTY_MONITOR_VIEW,
        startedMs: atMs,
        command: event.command,
        hosts: new Map(event.hosts.map((host) => [host, newHost(host, atMs)])),
      };
    case 'host.watched':
      return withHost(view, event.host, () => ({
        state: 'watched',
        links: event.links,
        withoutCarrier: new Set(event.withoutCarrier),
        sinceMs: atMs,
        reason: '',
        retryAtMs: undefined,
      }));
    case 'network.changed':
      return {
        ...withHost(view, event.host, (host) => ({
          // What was told when the host was watched again has it already.
          ...(event.meanwhile === true ? {} : afterChange(host, event.change)),
          events: host.events + 1,
          last: { atMs, change: event.change },
        })),
        events: view.events + 1,
      };
    case 'host.lost':
      return withHost(view, event.host, (host) => ({
        state: 'lost',
        reason: event.reason,
        sinceMs: host.state === 'lost' ? host.sinceMs : atMs,
        retryAtMs: atMs + event.retrySeconds * 1000,
      }));
    case 'host.given-up':
      return withHost(view, event.host, () => ({
        state: 'given-up',
        reason: event.reason,
        sinceMs: atMs,
        retryAtMs: undefined,
      }));
    case 'events.left-out':
      return {
        ...withHost(view, event.host, (host) => {
          const withoutCarrier = new Set(host.withoutCarrier);
          for (const { link, condition } of event.links) {
            if (condition === 'no-carrier') withoutCarrier.add(link);
            else withoutCarrier.delete(link);
          }
          return { withoutCarrier, leftOut: host.leftOut + event.count };
        }),
        leftOut: view.leftOut + event.count,
      };
    case 'monitor.finished':
      return { ...view, isOver: true };
    default:
      return assertNever(event);
  }
}

function newHost(host: string, atMs: number): HostView {
  return {
    host,
    state: 'dialling',
    links: 0,
    withoutCarrier: new Set(),
    events: 0,
    leftOut: 0,
    last: undefined,
    reason: '',
    sinceMs: atMs,
    retryAtMs: undefined,
  };
}

function withHost(
  view: MonitorView,
  name: string,
  change: (host: HostView) => Partial<HostView>,
): MonitorView {
  const host = view.hosts.get(name);
  if (host === undefined) return view;
  view.hosts.set(name, { ...host, ...change(host) });
  return view;
}

function afterChange(host: HostView, change: NetworkChange): Partial<HostView> {
  const having = (link: string): Partial<HostView> =>
    host.withoutCarrier.size >= MOST_NAMES || host.withoutCarrier.has(link)
      ? {}
      : { withoutCarrier: new Set([...host.withoutCarrier, link]) };
  const lacking = (link: string): Partial<HostView> =>
    host.withoutCarrier.has(link)
      ? { withoutCarrier: new Set([...host.withoutCarrier].filter((name) => name !== link)) }
      : {};
  switch (change.kind) {
    case 'carrier-lost':
      return having(change.link);
    case 'link-set-up':
      return change.hasCarrier ? lacking(change.link) : having(change.link);
    case 'carrier-found':
    case 'link-set-down':
      return lacking(change.link);
    case 'link-added':
      return {
        links: host.links + 1,
        ...(change.condition === 'no-carrier' ? having(change.link) : {}),
      };
    case 'link-removed':
      return { links: Math.max(0, host.links - 1), ...lacking(change.link) };
    case 'link-renamed':
      return host.withoutCarrier.has(change.before)
        ? {
            withoutCarrier: new Set(
              [...host.withoutCarrier].map((name) => (name === change.before ? change.link : name)),
            ),
          }
        : {};
    case 'mtu-changed':
    case 'mac-changed':
    case 'attached':
    case 'detached':
    case 'active-port-changed':
    case 'port-activated':
    case 'port-deactivated':
    case 'address-added':
    case 'address-removed':
    case 'address-taken':
    case 'route-added':
    case 'route-removed':
    case 'nm-device':
    case 'nm-profile':
    case 'nm-service':
    case 'missed':
      return {};
    default:
      return assertNever(change);
  }
}

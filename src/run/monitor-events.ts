/** The one stream of events that watching hosts is: screen, lines and JSON are made from it. All values are JSON. */
import type { LinkCondition, NetworkChange } from '../agents/network-change.js';

export type {
  LinkCondition,
  NetworkChange,
  NextHop,
  RouteFacts,
} from '../agents/network-change.js';

/** Why it ended: the time given with `--for`, a key or a signal, or no host is left that could be watched. */
export type MonitorEnd = 'time' | 'asked' | 'nothing-left';

/** `at`: the controller's clock, ISO 8601. */
export type MonitorEvent = Readonly<{ at: string }> &
  Readonly<
    | { type: 'monitor.started'; hosts: readonly string[]; command: string }
    | {
        type: 'host.watched';
        host: string;
        /** After it was lost; what has changed meanwhile follows. */
        again: boolean;
        links: number;
        /** Up, and without carrier; the first of them. */
        withoutCarrier: readonly string[];
        networkManager: boolean;
      }
    | {
        type: 'network.changed';
        host: string;
        change: NetworkChange;
        /** It happened at some time while the host was not watched. */
        meanwhile?: true;
      }
    | {
        type: 'host.lost';
        host: string;
        reason: string;
        retrySeconds: number;
        /** false: it was tried again, and the reason is the same. */
        isNews: boolean;
      }
    /** It cannot be watched, and trying again would change nothing. */
    | { type: 'host.given-up'; host: string; code: string; reason: string }
    | {
        type: 'events.left-out';
        host: string;
        count: number;
        seconds: number;
        /** What links are now of which something was left out; the first of them. */
        links: readonly Readonly<{ link: string; condition: LinkCondition }>[];
      }
    | { type: 'monitor.finished'; why: MonitorEnd; notWatched: readonly string[]; exitCode: number }
  >;

export type MonitorEventBody = MonitorEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'at'>
    : never
  : never;

/** What watched hosts tell, in words: a line an event. All text from hosts is made harmless here. */
import { assertNever } from '../errors.js';
import type {
  LinkCondition,
  MonitorEvent,
  NetworkChange,
  NextHop,
  RouteFacts,
} from '../run/monitor-events.js';
import { sanitise } from './sanitise.js';
import type { StyledLine, TextStyle } from './styled-line.js';
import { span } from './styled-line.js';
import { plural } from './words.js';

export const CONDITION_WORDS: Readonly<Record<LinkCondition, string>> = {
  up: 'up, with carrier',
  'no-carrier': 'up, without carrier',
  down: 'down',
  gone: 'gone',
};

/** Next hops that are named; a route may have dozens. */
const MOST_HOPS = 4;

function hopText({ via, on }: NextHop): string {
  return [via === undefined ? '' : `via ${via}`, on === undefined ? '' : `on ${on}`]
    .filter((word) => word !== '')
    .join(' ');
}

/** `default route via 192.0.2.1 on eth0 (metric 100)`. */
export function routeText(route: RouteFacts): string {
  const { destination, type, hops, table, metric, protocol } = route;
  const name = destination === 'default' ? 'default route' : `route to ${destination}`;
  const ways =
    hops.length > MOST_HOPS
      ? [...hops.slice(0, MOST_HOPS).map(hopText), `${hops.length - MOST_HOPS} more`]
      : hops.map(hopText);
  const facts = [
    ...(metric === undefined ? [] : [`metric ${metric}`]),
    ...(table === undefined ? [] : [`table ${table}`]),
    ...(protocol === undefined ? [] : [`from ${protocol}`]),
  ];
  return [
    name,
    ...(type === undefined ? [] : [`(${type})`]),
    ...(ways.length === 0 ? [] : [ways.join(' and ')]),
    ...(facts.length === 0 ? [] : [`(${facts.join(', ')})`]),
  ].join(' ');
}

type Words = Readonly<{ text: string; style: TextStyle }>;

const plain = (text: string): Words => ({ text, style: 'plain' });

export function changeWords(change: NetworkChange): Words {
  switch (change.kind) {
    case 'link-added':
      return plain(`${change.link} is new, ${CONDITION_WORDS[change.condition]}`);
    case 'link-removed':
      return { text: `${change.link} is gone`, style: 'warning' };
    case 'link-renamed':
      return plain(`${change.before} is called ${change.link} now`);
    case 'link-set-up':
      return plain(`${change.link} was set up${change.hasCarrier ? '' : ', no carrier yet'}`);
    case 'link-set-down':
      return { text: `${change.link} was set down`, style: 'warning' };
    case 'carrier-lost':
      return { text: `${change.link} lost carrier`, style: 'bad' };
    case 'carrier-found':
      return { text: `${change.link} has carrier`, style: 'good' };
    case 'mtu-changed':
      return plain(`${change.link} has MTU ${change.mtu} (was ${change.before})`);
    case 'mac-changed':
      return plain(`${change.link} has MAC ${change.mac} (was ${change.before})`);
    case 'attached':
      return plain(`${change.link} is a port of ${change.to}`);
    case 'detached':
      return { text: `${change.link} is no port of ${change.from} any more`, style: 'warning' };
    case 'active-port-changed':
      return change.port === undefined
        ? { text: `${change.link} has no active port (was ${change.before})`, style: 'bad' }
        : {
            text: `${change.link} sends through ${change.port}${change.before === undefined ? '' : ` (was ${change.before})`}`,
            style: 'warning',
          };
    case 'port-activated':
      return { text: `${change.link} is active in ${change.bond}`, style: 'good' };
    case 'port-deactivated':
      return { text: `${change.link} is not active in ${change.bond} any more`, style: 'bad' };
    case 'address-added':
      return plain(`${change.link} has address ${change.address}`);
    case 'address-removed':
      return { text: `${change.link} has address ${change.address} no more`, style: 'warning' };
    case 'address-taken':
      return {
        text: `${change.link}: address ${change.address} is in use by another machine`,
        style: 'bad',
      };
    case 'route-added':
      return plain(routeText(change.route));
    case 'route-removed':
      return { text: `no more: ${routeText(change.route)}`, style: 'warning' };
    case 'nm-device': {
      const { link, state, profile } = change;
      const from = profile === undefined ? '' : ` (profile ${profile})`;
      const word = state === 'failed' ? 'could not be activated' : state;
      const style = state === 'activated' ? 'good' : state === 'failed' ? 'bad' : 'warning';
      return { text: `NetworkManager: ${link} ${word}${from}`, style };
    }
    case 'nm-profile':
      return plain(`NetworkManager: profile ${change.profile} ${change.what}`);
    case 'nm-service':
      return change.isRunning
        ? plain('NetworkManager runs')
        : { text: 'NetworkManager has stopped', style: 'warning' };
    case 'missed':
      return {
        text: 'more happened than the host could tell: some events are missing',
        style: 'warning',
      };
    default:
      return assertNever(change);
  }
}

/** Without the time; undefined for what has no line of its own. */
export function monitorLine(event: MonitorEvent): StyledLine | undefined {
  switch (event.type) {
    case 'monitor.started':
      return [span(`watching ${plural(event.hosts.length, 'host')}`)];
    case 'host.watched':
      return hostLine(event.host, watchedText(event), event.again ? 'good' : 'plain');
    case 'network.changed': {
      const { text, style } = changeWords(event.change);
      return hostLine(
        event.host,
        event.meanwhile === true ? `${text} (while not watched)` : text,
        style,
      );
    }
    case 'host.lost':
      return event.isNews
        ? hostLine(event.host, `not watched: ${event.reason}; trying again`, 'bad')
        : undefined;
    case 'host.given-up':
      return hostLine(event.host, `cannot be watched: ${event.code}: ${event.reason}`, 'bad');
    case 'events.left-out': {
      const links = event.links.map(
        ({ link, condition }) => `${link} ${CONDITION_WORDS[condition]}`,
      );
      const now = links.length === 0 ? '' : `; now: ${links.join('; ')}`;
      return hostLine(
        event.host,
        `${plural(event.count, 'event')} left out, too many in ${event.seconds} s${now}`,
        'warning',
      );
    }
    case 'monitor.finished':
      return undefined;
    default:
      return assertNever(event);
  }
}

function watchedText(event: Extract<MonitorEvent, { type: 'host.watched' }>): string {
  const facts = [
    plural(event.links, 'link'),
    ...(event.withoutCarrier.length === 0
      ? []
      : [`without carrier: ${event.withoutCarrier.join(', ')}`]),
    ...(event.networkManager ? ['NetworkManager'] : []),
  ];
  return `watched${event.again ? ' again' : ''} (${facts.join('; ')})`;
}

function hostLine(host: string, text: string, style: TextStyle): StyledLine {
  return [span(sanitise(host), 'strong'), span(': '), span(sanitise(text), style)];
}

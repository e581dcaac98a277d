/**
 * Lines of `ip route` and `ip rule` to routes and rules (iproute2: ip/iproute.c, ip/iprule.c, with -N:
 * types and protocols are numbers).
 */
import { canonicalIp, canonicalNetwork, defaultDestination } from '../network/ip.js';
import { compareHops } from '../network/route.js';
import type { IpFamily, NextHop, Route, RouteRule, RouteType } from '../network/state.js';

const NUMERIC_ROUTE_TYPES: Readonly<Record<string, RouteType>> = {
  '1': 'unicast',
  '6': 'blackhole',
  '7': 'unreachable',
  '8': 'prohibit',
  unicast: 'unicast',
  blackhole: 'blackhole',
  unreachable: 'unreachable',
  prohibit: 'prohibit',
};
/** Words of a route that have a value, and are of the model or of no weight in it. */
const ROUTE_WORDS = new Set([
  'via',
  'dev',
  'table',
  'proto',
  'scope',
  'metric',
  'src',
  'pref',
  'error',
  'weight',
  'initcwnd',
]);
/** Metrics that may be locked (iproute.c, print_rta_metrics). */
const LOCKABLE = new Set(['mtu', 'cwnd']);
const ROUTE_FLAGS = new Set(['linkdown', 'dead', 'offload', 'trap', 'onlink', 'cache']);

type RouteWords = Readonly<{
  values: ReadonlyMap<string, string>;
  locked: ReadonlySet<string>;
  onlink: boolean;
  /** Has words that netorch does not know: nhid, encap, hoplimit … */
  foreign: boolean;
}>;

function routeWordsOf(words: readonly string[]): RouteWords {
  const values = new Map<string, string>();
  const locked = new Set<string>();
  let onlink = false;
  let foreign = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (LOCKABLE.has(word)) {
      if (words[i + 1] === 'lock') {
        locked.add(word);
        i++;
      }
      values.set(word, words[++i] ?? '');
    } else if (ROUTE_WORDS.has(word)) values.set(word, words[++i] ?? '');
    else if (ROUTE_FLAGS.has(word)) onlink ||= word === 'onlink';
    else foreign = true;
  }
  return { values, locked, onlink, foreign };
}

const addressOf = (words: RouteWords, key: string) => {
  const text = words.values.get(key);
  return text === undefined ? undefined : canonicalIp(text)?.ip;
};

function nextHopOf(words: RouteWords): NextHop | undefined {
  const device = words.values.get('dev');
  const address = addressOf(words, 'via');
  // `via inet6 …`: a gateway of the other family.
  if (device === undefined || words.foreign) return undefined;
  if (words.values.has('via') && address === undefined) return undefined;
  return {
    interface: device,
    address,
    weight: Number(words.values.get('weight') ?? '1'),
    onlink: words.onlink,
  };
}

/** One line of `ip -N -o -d route show table all`; undefined for what netorch leaves to the kernel. */
export function parseRouteLine(line: string, family: IpFamily): Route | undefined {
  const [head = '', ...tails] = line.replaceAll('\\', ' ').split(/\snexthop\s/);
  const [typeWord = '', destinationWord = '', ...rest] = head.trim().split(/\s+/);
  const type = NUMERIC_ROUTE_TYPES[typeWord];
  if (type === undefined) return undefined;
  const words = routeWordsOf(rest);
  const { values, locked } = words;
  const hops = tails.map((tail) => nextHopOf(routeWordsOf(tail.trim().split(/\s+/))));
  const known = hops.filter((hop) => hop !== undefined);
  const protocol = Number(values.get('proto') ?? '0');
  const table = Number(values.get('table') ?? '254');
  if (protocol === 2 || table === 255 || !Number.isInteger(protocol) || !Number.isInteger(table))
    return undefined;
  const destination =
    destinationWord === 'default'
      ? defaultDestination(family)
      : canonicalNetwork(destinationWord)?.network;
  if (destination === undefined) return undefined;
  const metric = values.has('metric') ? Number(values.get('metric')) : undefined;
  const defaultMetric = family === 'ipv4' ? 0 : 1024;
  const mtu = Number(values.get('mtu') ?? '0');
  const cwnd = Number(values.get('cwnd') ?? '0');
  const initialCwnd = Number(values.get('initcwnd') ?? '0');
  // A gateway of the other family; a window that is not locked, which the kernel does not use.
  const isOdd =
    (values.has('via') && addressOf(words, 'via') === undefined) ||
    (cwnd !== 0 && !locked.has('cwnd'));
  return {
    family,
    type,
    destination,
    table,
    metric: metric === defaultMetric ? undefined : metric,
    nextHopInterface: type === 'unicast' ? values.get('dev') : undefined,
    nextHopAddress: addressOf(words, 'via'),
    source: addressOf(words, 'src'),
    onlink: words.onlink,
    ...(known.length > 0 ? { nextHops: known.sort(compareHops) } : {}),
    ...(mtu === 0 ? {} : { mtu }),
    ...(locked.has('mtu') ? { mtuLocked: true } : {}),
    ...(cwnd === 0 ? {} : { cwnd }),
    ...(initialCwnd === 0 ? {} : { initialCwnd }),
    protocol,
    foreign: words.foreign || isOdd || known.length !== hops.length,
  };
}

const RULE_WORDS = new Set([
  'from',
  'to',
  'iif',
  'fwmark',
  'lookup',
  'proto',
  'protocol',
  'suppress_prefixlength',
]);
/** `ip -N` prints a rule's action as a number (rtnetlink.h, RTN_*). */
const RULE_ACTIONS: Readonly<Record<string, RouteRule['action']>> = {
  blackhole: 'blackhole',
  unreachable: 'unreachable',
  prohibit: 'prohibit',
  '6': 'blackhole',
  '7': 'unreachable',
  '8': 'prohibit',
};

/** One line of `ip -N -o rule show`; undefined for the kernel's own three. */
export function parseRuleLine(line: string, family: IpFamily): RouteRule | undefined {
  const match = /^(\d+):\s+(.*)$/.exec(line.trim());
  if (match === null) return undefined;
  const priority = Number(match[1]);
  const words = (match[2] ?? '').split(/\s+/);
  const values = new Map<string, string>();
  let action: RouteRule['action'];
  let foreign = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (RULE_WORDS.has(word)) values.set(word, words[++i] ?? '');
    else if (RULE_ACTIONS[word] !== undefined) action = RULE_ACTIONS[word];
    else foreign = true;
  }
  const prefix = (key: string) => {
    const value = values.get(key);
    return value === undefined || value === 'all' ? undefined : canonicalNetwork(value)?.network;
  };
  const [mark, mask] = (values.get('fwmark') ?? '').split('/');
  const rule: RouteRule = {
    family,
    priority,
    from: prefix('from'),
    to: prefix('to'),
    iif: values.get('iif'),
    fwmark: mark === undefined || mark === '' ? undefined : Number(mark),
    fwmask: mask === undefined ? undefined : Number(mask),
    table: values.has('lookup') ? Number(values.get('lookup')) : undefined,
    action,
    ...(values.has('suppress_prefixlength')
      ? { suppressPrefixLength: Number(values.get('suppress_prefixlength')) }
      : {}),
    foreign,
  };
  const isPlain =
    rule.from === undefined &&
    rule.to === undefined &&
    rule.iif === undefined &&
    rule.suppressPrefixLength === undefined &&
    mark === '' &&
    !foreign;
  const isOwn =
    isPlain &&
    ((priority === 0 && rule.table === 255) ||
      (priority === 32766 && rule.table === 254) ||
      (priority === 32767 && rule.table === 253));
  // Made by the kernel with the first VRF, and kept for good (drivers/net/vrf.c, vrf_fib_rule).
  const isVrfRule = priority === 1000 && line.includes('[l3mdev-table]');
  return isOwn || isVrfRule ? undefined : rule;
}

/** RA, DHCP and routing daemons own their routes (rtnetlink.h, RTPROT_*). */
export function isDaemonRoute(route: Route): boolean {
  const daemons = [8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 42, 186, 187, 188, 189, 192];
  return daemons.includes(route.protocol);
}

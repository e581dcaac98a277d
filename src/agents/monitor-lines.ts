/**
 * Single lines of `ip -d -o monitor label`, `ip -o link`, `ip -o addr` and `nmcli monitor` to values. Nothing is trusted:
 * what does not fit is undefined. The formats are those of iproute2 (ip/ipaddress.c, ip/iproute.c, ip/ipmonitor.c) and of
 * NetworkManager (src/nmcli/general.c, devices.c, connections.c).
 */
import type { DeviceState, NetworkChange, NextHop, RouteFacts } from './network-change.js';

export type LinkFacts = Readonly<{
  index: number;
  name: string;
  isUp: boolean;
  hasCarrier: boolean;
  mtu: number;
  mac: string;
  /** The bond, bridge or VRF that it is a port of. */
  attachedTo: string | undefined;
  /** Of a bond: through which port it sends, where that is one. */
  activePort: string | undefined;
  /** Of a bond. */
  sendsThroughOne: boolean;
  /** Of a port of a bond. */
  isActive: boolean | undefined;
}>;

/**
 * A piece of a line keeps the whole line in memory (V8's sliced strings), and that the block in which it came: what is
 * remembered is copied.
 */
function copyOf(text: string): string {
  return ` ${text}`.slice(1);
}

/** `\` stands where the output for people has a new line. */
function partsOf(text: string): readonly string[] {
  return text.split('\\').map((part) => part.trim());
}

/** The word after a word. */
function wordAfter(part: string, word: string): string | undefined {
  return new RegExp(`(?:^| )${word} (\\S+)`).exec(part)?.[1];
}

export type Told<T> = Readonly<{ isDeleted: boolean; facts: T }>;

export function parseLinkLine(line: string): Told<LinkFacts> | undefined {
  const match = /^(Deleted )?(\d{1,10}): ([^\s:@]{1,15})(?:@[^\s:]+)?: <([A-Z0-9_,-]*)> (.*)$/.exec(
    line,
  );
  if (match === null) return undefined;
  const [, deleted, index = '', name = '', flagText = '', rest = ''] = match;
  const flags = new Set(flagText.split(','));
  const [first = '', ...others] = partsOf(rest);
  const mtu = wordAfter(first, 'mtu');
  if (mtu === undefined) return undefined;
  const hardware = others.find((part) => part.startsWith('link/')) ?? '';
  const bond = others.find((part) => part.startsWith('bond ')) ?? '';
  const port = others.find((part) => part.startsWith('bond_slave ')) ?? '';
  const attachedTo = wordAfter(first, 'master');
  const activePort = wordAfter(bond, 'active_slave');
  const state = wordAfter(port, 'state');
  return {
    isDeleted: deleted !== undefined,
    facts: {
      index: Number(index),
      name: copyOf(name),
      isUp: flags.has('UP'),
      hasCarrier: flags.has('LOWER_UP') && !flags.has('NO-CARRIER'),
      mtu: Number(mtu),
      mac: copyOf(/^link\/\S+ ([0-9a-f:]{2,95})(?: |$)/.exec(hardware)?.[1] ?? ''),
      attachedTo: attachedTo === undefined ? undefined : copyOf(attachedTo.slice(0, 15)),
      activePort: activePort === undefined ? undefined : copyOf(activePort.slice(0, 15)),
      sendsThroughOne: /^bond mode (active-backup|balance-tlb|balance-alb)( |$)/.test(bond),
      isActive: state === undefined ? undefined : state === 'ACTIVE',
    },
  };
}

export type AddressFacts = Readonly<{
  link: string;
  address: string;
  state: 'usable' | 'tentative' | 'taken';
}>;

/** undefined also for link-local addresses of IPv6: they come and go with each link. */
export function parseAddressLine(line: string): Told<AddressFacts> | undefined {
  const match =
    /^(Deleted )?\d{1,10}: ([^\s:]{1,15})\s+inet6? ([0-9a-f:.]{2,45}(?:\/\d{1,3})?)(?: peer \S+)? (.*)$/.exec(
      line,
    );
  if (match === null) return undefined;
  const [, deleted, link = '', address = '', rest = ''] = match;
  if (/^fe[89ab][0-9a-f]:/.test(address)) return undefined;
  const words = address.includes(':') ? (partsOf(rest)[0] ?? '').split(' ') : [];
  const state = words.includes('dadfailed')
    ? 'taken'
    : words.includes('tentative') && !words.includes('optimistic')
      ? 'tentative'
      : 'usable';
  return {
    isDeleted: deleted !== undefined,
    facts: { link: copyOf(link), address: copyOf(address), state },
  };
}

const NOWHERE = ['blackhole', 'unreachable', 'prohibit', 'throw'] as const;
/** What the kernel makes by itself for each address and each link. */
const KERNELS_OWN = new Set(['local', 'broadcast', 'multicast', 'anycast']);
const MOST_HOPS = 64;

/** undefined also for routes that the kernel makes by itself. */
export function parseRouteEvent(line: string): Told<RouteFacts> | undefined {
  const [first = '', ...others] = partsOf(line);
  const match =
    /^(Deleted |Replaced )?(?:([a-z]+) )??(default|[0-9a-f:.]{1,45}(?:\/\d{1,3})?)(?: (.*))?$/.exec(
      first,
    );
  if (match === null) return undefined;
  const [, deleted, word = 'unicast', destination = '', rest = ''] = match;
  const table = wordAfter(rest, 'table') ?? 'main';
  const protocol = wordAfter(rest, 'proto');
  if (KERNELS_OWN.has(word) || table === 'local' || protocol === 'kernel') return undefined;
  const type = NOWHERE.find((item) => item === word);
  const metric = Number(wordAfter(rest, 'metric') ?? '0');
  const hops = [rest, ...others.filter((part) => part.startsWith('nexthop '))]
    .slice(0, MOST_HOPS)
    .map(hopOf)
    .filter(({ via, on }) => via !== undefined || on !== undefined);
  return {
    isDeleted: deleted === 'Deleted ',
    facts: {
      destination,
      ...(type === undefined ? {} : { type }),
      hops: type === undefined ? hops : [],
      ...(table === 'main' ? {} : { table: table.slice(0, 32) }),
      ...(Number.isSafeInteger(metric) && metric > 0 ? { metric } : {}),
      ...(protocol === undefined || protocol === 'boot' ? {} : { protocol: protocol.slice(0, 32) }),
    },
  };
}

function hopOf(part: string): NextHop {
  const via = /(?:^| )via (?:inet6? )?([0-9a-f:.]{2,45})(?: |$)/.exec(part)?.[1];
  const on = wordAfter(part, 'dev')?.slice(0, 15);
  return { ...(via === undefined ? {} : { via }), ...(on === undefined ? {} : { on }) };
}

const DEVICE_STATES: ReadonlyMap<string, DeviceState> = new Map([
  ['connected', 'activated'],
  ['connected (externally)', 'activated'],
  ['disconnected', 'disconnected'],
  ['unavailable', 'unavailable'],
  ['unmanaged', 'unmanaged'],
  ['connection failed', 'failed'],
]);

/** No profile's name that somebody reads is longer. */
const MOST_PROFILE = 100;

/** `using`: the device is about to use that profile; said only when it has come to it. */
export function parseNmcliLine(
  line: string,
): NetworkChange | Readonly<{ kind: 'using'; link: string; profile: string }> | undefined {
  // Names of profiles are anything, also lines of the other kinds: these are told by their ends first.
  const profile = /^(.+): connection profile (created|changed|removed)$/s.exec(line);
  if (profile !== null) {
    const [, name = '', what = ''] = profile;
    return {
      kind: 'nm-profile',
      profile: name.slice(0, MOST_PROFILE),
      what: what as 'created' | 'changed' | 'removed',
    };
  }
  const using = /^([^\s:]{1,15}): using connection '(.*)'$/s.exec(line);
  if (using !== null) {
    const [, link = '', name = ''] = using;
    return { kind: 'using', link: copyOf(link), profile: copyOf(name.slice(0, MOST_PROFILE)) };
  }
  if (line === 'NetworkManager is running') return { kind: 'nm-service', isRunning: true };
  if (line === 'NetworkManager is stopped') return { kind: 'nm-service', isRunning: false };
  const [, link = '', word = ''] = /^([^\s:]{1,15}): ([a-z() ]+)$/.exec(line) ?? [];
  const state = DEVICE_STATES.get(word);
  return state === undefined ? undefined : { kind: 'nm-device', link: copyOf(link), state };
}

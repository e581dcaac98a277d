/**
 * DHCP clients that run on the host: whose they are, and whether netorch can stop them without giving the
 * lease back and start them again as they were.
 */
import { canonicalIp } from '../network/ip.js';
import { routeDevices } from '../network/route.js';
import type { DhcpClient, DhcpState, Lease, Route } from '../network/state.js';

export type ClientProcess = Readonly<{
  client: DhcpClient;
  pid: number;
  /** As in /proc/PID/cmdline. */
  command: readonly string[];
}>;

export type FoundClients = Readonly<{
  /** By interface: those that can be carried. */
  carried: ReadonlyMap<string, ClientProcess>;
  /** By interface: those that cannot, in words. */
  owners: ReadonlyMap<string, string>;
}>;

type Line = Readonly<{
  pid: number;
  parent: number;
  unit: string;
  command: readonly string[];
  client: DhcpClient | 'dhcpcd' | 'dhcp6c';
  args: readonly string[];
}>;

const CLIENTS: ReadonlySet<string> = new Set(['dhclient', 'dhcpcd', 'udhcpc', 'dhcp6c']);

const isCarried = (client: Line['client']): client is DhcpClient =>
  client === 'dhclient' || client === 'udhcpc';

/** Units whose end does not end the client, and which do not start it anew. */
const LETS_GO = /^(networking|network|ifup@.*|ifup-.*|netorch-.*|sshd?@?.*)\.service$/;

/** `PID PARENT UNIT COMMAND`, the words of the command divided by U+001F. */
function parseLine(line: string): Line | undefined {
  const match = /^(\d+) (\d+) (\S+) (.*)$/.exec(line);
  if (match === null) return undefined;
  const [, pid, parent, unit = '', text = ''] = match;
  const command = text.split('\u001f');
  while (command.at(-1) === '') command.pop();
  // dhcpcd writes over its arguments: "dhcpcd: eth1 [ip4]".
  const words = command.length === 1 ? (command[0] ?? '').split(' ') : command;
  // An applet of busybox is called through its name or as busybox's argument.
  const called = words.map((word) => (word.split('/').at(-1) ?? word).replace(/:$/, ''));
  const isApplet = called[0] === 'busybox';
  const client = called[isApplet ? 1 : 0] ?? '';
  // The host's search is a coarse one: an editor of a DHCP client's file is found by it too.
  if (!CLIENTS.has(client)) return undefined;
  return {
    pid: Number(pid),
    parent: Number(parent),
    unit,
    command,
    client: client as Line['client'],
    args: words.slice(isApplet ? 2 : 1),
  };
}

/** A dhcpcd without interface arguments manages every link. */
export function findDhcpClients(
  lines: readonly string[],
  interfaces: readonly string[],
): FoundClients {
  const all = lines.flatMap((line) => parseLine(line) ?? []);
  const pids = new Set(all.map((line) => line.pid));
  const carried = new Map<string, ClientProcess>();
  const owners = new Map<string, string>();
  const names = interfaces.filter((name) => name !== 'lo');
  for (const line of all) {
    // dhcpcd's helpers are children of the one that counts.
    if (line.client === 'dhcpcd' && pids.has(line.parent)) continue;
    const named = names.filter(
      (name) => line.args.includes(name) || line.args.includes(`-i${name}`),
    );
    const claimed = named.length > 0 ? named : line.client === 'dhcpcd' ? names : [];
    const why = whyNotCarried(line, named);
    for (const name of claimed) {
      const twin = carried.get(name) !== undefined || owners.has(name);
      if (why === undefined && !twin && isCarried(line.client)) {
        carried.set(name, { client: line.client, pid: line.pid, command: line.command });
        continue;
      }
      carried.delete(name);
      const reason = twin ? 'another one runs beside it' : (why ?? '');
      owners.set(name, `the DHCP client ${line.client} (process ${line.pid}): ${reason}`);
    }
  }
  return { carried, owners };
}

/** undefined: netorch can stop it and start it again. */
function whyNotCarried(line: Line, named: readonly string[]): string | undefined {
  const { client, args, unit, parent } = line;
  // It is several processes with privilege separation, writes over its arguments, and comes slowly to terms with
  // an address that went while it slept.
  if (client === 'dhcpcd')
    return 'netorch cannot stop it and have it go on; use dhclient or udhcpc';
  if (client === 'dhcp6c') return 'DHCPv6 is not done by netorch';
  if (named.length !== 1) return 'it serves more than one interface';
  if (client === 'dhclient' && args.includes('-6')) return 'DHCPv6 is not done by netorch';
  if (unit.endsWith('.service') && !LETS_GO.test(unit)) return `the unit ${unit} looks after it`;
  if (parent !== 1) return `process ${parent} looks after it`;
  return undefined;
}

/** The lease of an address line of `ip -o addr`; undefined where the line cannot be read. */
export function parseLease(line: string, uptime: number): Lease | undefined {
  const match = /^\d+: +\S+ +inet +(\S+)\/(\d+) (.*)$/.exec(line);
  const ip = canonicalIp(match?.[1] ?? '')?.ip;
  if (match === null || ip === undefined) return undefined;
  const rest = match[3] ?? '';
  const until = (key: string): number | undefined => {
    const seconds = new RegExp(` ${key} (\\d+)sec`).exec(rest)?.[1];
    return seconds === undefined ? undefined : Math.floor(uptime + Number(seconds));
  };
  return {
    address: { ip, prefixLength: Number(match[2]) },
    broadcast: canonicalIp(/(?:^| )brd (\S+)/.exec(rest)?.[1] ?? '')?.ip,
    hasNoPrefixRoute: / noprefixroute /.test(` ${rest} `),
    validUntil: until('valid_lft'),
    preferredUntil: until('preferred_lft'),
  };
}

/** The DHCP of an interface, from the client that runs there. */
export function observedDhcp(
  name: string,
  process: ClientProcess | undefined,
  host: Readonly<{ addressLines: readonly string[]; routes: readonly Route[]; uptime: number }>,
): DhcpState | undefined {
  if (process === undefined) return undefined;
  const own = host.addressLines.filter((line) =>
    new RegExp(`^\\d+: +${escape(name)} +inet `).test(line),
  );
  const leases = own.flatMap((line) => parseLease(line, host.uptime) ?? []);
  const dynamic = leases.filter((lease) => lease.validUntil !== undefined);
  const permanent = leases.filter((lease) => lease.validUntil === undefined);
  // Scripts of busybox set the address for good. When it is the only one, it is the client's.
  const isOnlyOne = process.client === 'udhcpc' && dynamic.length === 0 && permanent.length === 1;
  return {
    client: process.client,
    settings: {},
    process: {
      pid: process.pid,
      command: process.command,
      permanent: isOnlyOne ? permanent.map((lease) => lease.address) : [],
      leases: dynamic,
      routes: host.routes.filter(
        (route) =>
          route.family === 'ipv4' &&
          route.protocol === RTPROT_DHCP &&
          !route.foreign &&
          routeDevices(route).includes(name),
      ),
    },
  };
}

/** rtnetlink.h */
const RTPROT_DHCP = 16;

const escape = (text: string): string => text.replace(/[.+]/g, '\\$&');

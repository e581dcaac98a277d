/** Counters and states of a host's links, as the kernel gives them: both backends have the same. */
import { NetorchError } from '../errors.js';
import { agentScript, stdinScript } from './bundle.js';
import { isObject, listOf, numberOf, objectOf, textOf, type Json } from './json-values.js';
import type { LinkCondition } from './network-change.js';

export type Counters = Readonly<{
  bytes: number;
  packets: number;
  errors: number;
  dropped: number;
}>;

export type BondPortStatistics = Readonly<{
  name: string;
  isActive: boolean;
  /** What the bond's monitoring says of it. */
  isUp: boolean;
  linkFailures: number;
  /** With LACP: the group that it has come into. */
  aggregator: number | undefined;
}>;

export type BondStatistics = Readonly<{
  mode: string;
  /** Where the bond sends through one port at a time. */
  activePort: string | undefined;
  lacp: Readonly<{ partnerMac: string; aggregator: number; ports: number }> | undefined;
  ports: readonly BondPortStatistics[];
}>;

export type LinkStatistics = Readonly<{
  name: string;
  condition: LinkCondition;
  /** undefined: it has none, or none now. */
  speedMbit: number | undefined;
  duplex: 'full' | 'half' | undefined;
  mtu: number | undefined;
  mac: string | undefined;
  rx: Counters;
  tx: Counters;
  bond: BondStatistics | undefined;
  /** A second; where there are two samples. */
  rates: Readonly<{ rx: Counters; tx: Counters }> | undefined;
}>;

export type HostStatistics = Readonly<{
  /** By the host's clock that nobody sets: seconds since its boot. */
  uptime: number;
  /** Between the two samples; undefined: there is one. */
  seconds: number | undefined;
  links: readonly LinkStatistics[];
}>;

/** `overSeconds`: take a second sample so much later, for rates; 0: do not. */
export function statisticsScript(overSeconds: number): string {
  return stdinScript(agentScript('statistics'), `OVER=${overSeconds}`, 'statistics');
}

/** Throws HOST_UNFIT and AGENT_PROTOCOL. */
export function parseStatistics(host: string, text: string): HostStatistics {
  const lines = text.split('\n');
  if (lines.includes('@no-ip')) {
    throw new NetorchError('HOST_UNFIT', `${host}: there is no "ip" (iproute2) on the host`);
  }
  const samples = text
    .split(/^@sample /m)
    .slice(1)
    .map((sample) => parseSample(host, sample));
  const last = samples.at(-1);
  if (last === undefined || !lines.includes('@complete')) throw broken(host, 'it is not whole');
  const first = samples.length > 1 ? samples[0] : undefined;
  const seconds = first === undefined ? 0 : last.uptime - first.uptime;
  if (first === undefined || seconds <= 0) return { ...last, seconds: undefined };
  const before = new Map(first.links.map((link) => [link.name, link]));
  return {
    uptime: last.uptime,
    seconds,
    links: last.links.map((link) => {
      const former = before.get(link.name);
      if (former === undefined) return link;
      const rates = {
        rx: rateOf(former.rx, link.rx, seconds),
        tx: rateOf(former.tx, link.tx, seconds),
      };
      return { ...link, rates };
    }),
  };
}

function broken(host: string, what: string): NetorchError {
  return new NetorchError('AGENT_PROTOCOL', `${host}: the host's answer makes no sense: ${what}`);
}

function parseSample(
  host: string,
  text: string,
): Readonly<{ uptime: number; links: readonly LinkStatistics[] }> {
  const [, uptimeText = '', json = '', speedLines = ''] =
    /^(\d+(?:\.\d+)?)\n([^]*?)\n@speeds\n([^]*?)@end\n/.exec(text) ?? [];
  let entries: unknown;
  try {
    entries = JSON.parse(json);
  } catch {
    entries = undefined;
  }
  if (!Array.isArray(entries)) throw broken(host, 'its links are no JSON list');
  const objects = entries.filter(isObject);
  const speeds = new Map(
    speedLines.split('\n').map((line) => {
      const [name = '', speed = '', duplex = ''] = line.split(' ');
      return [name, { speed: Number(speed), duplex }];
    }),
  );
  return {
    uptime: Number(uptimeText),
    links: objects.flatMap((json) => {
      const name = textOf(json, 'ifname');
      return name === undefined ? [] : [linkOf(name, json, objects, speeds.get(name))];
    }),
  };
}

function linkOf(
  name: string,
  json: Json,
  all: readonly Json[],
  speed: Readonly<{ speed: number; duplex: string }> | undefined,
): LinkStatistics {
  const flags = listOf(json, 'flags');
  const hasCarrier = flags.includes('LOWER_UP') && !flags.includes('NO-CARRIER');
  const counters = objectOf(json, 'stats64');
  const isKnown = speed !== undefined && Number.isInteger(speed.speed) && speed.speed > 0;
  const { duplex } = speed ?? {};
  return {
    name,
    condition: flags.includes('UP') ? (hasCarrier ? 'up' : 'no-carrier') : 'down',
    speedMbit: isKnown ? speed.speed : undefined,
    duplex: isKnown && (duplex === 'full' || duplex === 'half') ? duplex : undefined,
    mtu: numberOf(json, 'mtu'),
    mac: textOf(json, 'address'),
    rx: countersOf(objectOf(counters, 'rx')),
    tx: countersOf(objectOf(counters, 'tx')),
    bond: bondOf(name, objectOf(json, 'linkinfo'), all),
    rates: undefined,
  };
}

function countersOf(json: Json): Counters {
  const count = (key: string) => numberOf(json, key) ?? 0;
  return {
    bytes: count('bytes'),
    packets: count('packets'),
    errors: count('errors'),
    dropped: count('dropped'),
  };
}

/** ip/iplink_bond.c and ip/iplink_bond_slave.c. */
function bondOf(name: string, linkInfo: Json, all: readonly Json[]): BondStatistics | undefined {
  if (textOf(linkInfo, 'info_kind') !== 'bond') return undefined;
  const data = objectOf(linkInfo, 'info_data');
  const group = objectOf(data, 'ad_info');
  const partnerMac = textOf(group, 'partner_mac');
  return {
    mode: textOf(data, 'mode') ?? 'unknown',
    activePort: textOf(data, 'active_slave'),
    lacp:
      partnerMac === undefined
        ? undefined
        : {
            partnerMac,
            aggregator: numberOf(group, 'aggregator') ?? 0,
            ports: numberOf(group, 'num_ports') ?? 0,
          },
    ports: all
      .filter((port) => textOf(port, 'master') === name)
      .map((port) => {
        const state = objectOf(objectOf(port, 'linkinfo'), 'info_slave_data');
        return {
          name: textOf(port, 'ifname') ?? '',
          isActive: textOf(state, 'state') === 'ACTIVE',
          isUp: textOf(state, 'mii_status') === 'UP',
          linkFailures: numberOf(state, 'link_failure_count') ?? 0,
          aggregator: numberOf(state, 'ad_aggregator_id'),
        };
      }),
  };
}

/** A counter that has become less has begun anew: the link was made again. */
function rateOf(before: Counters, now: Counters, seconds: number): Counters {
  const rate = (key: keyof Counters) =>
    Math.round((10 * (now[key] >= before[key] ? now[key] - before[key] : now[key])) / seconds) / 10;
  return {
    bytes: rate('bytes'),
    packets: rate('packets'),
    errors: rate('errors'),
    dropped: rate('dropped'),
  };
}

/** Counters and states of links as a table for people, and as JSON for machines. */
import type {
  BondStatistics,
  Counters,
  HostStatistics,
  LinkStatistics,
} from '../agents/statistics-reading.js';
import { sanitise } from '../ui/sanitise.js';
import { fitText, textWidth } from '../ui/text-width.js';
import { formatSeconds } from '../ui/words.js';

const CONDITIONS: Readonly<Record<LinkStatistics['condition'], string>> = {
  up: 'up',
  'no-carrier': 'no carrier',
  down: 'down',
  gone: 'gone',
};

const NO_PARTNER = '00:00:00:00:00:00';

/** `950`, `1.2k`, `34M`: never wider than five cells. */
export function shortNumber(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && rest < 99.95 ? rest.toFixed(1) : String(Math.round(rest));
  return `${digits}${units[unit] ?? ''}`;
}

/** Whole tables: first the head, then the rows; numbers stand right. */
function aligned(rows: readonly (readonly string[])[], leftColumns: number): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => textWidth(row[column] ?? ''))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < leftColumns
          ? fitText(cell, width, '')
          : ' '.repeat(Math.max(0, width - textWidth(cell))) + cell;
      })
      .join('  ')
      .trimEnd(),
  );
}

const counterCells = ({ bytes, packets, errors, dropped }: Counters): readonly string[] =>
  [bytes, packets, errors, dropped].map(shortNumber);

function speedText({ speedMbit, duplex }: LinkStatistics): string {
  if (speedMbit === undefined) return '';
  const speed = speedMbit >= 1000 ? `${speedMbit / 1000} Gb/s` : `${speedMbit} Mb/s`;
  return duplex === 'half' ? `${speed} half` : speed;
}

/** `clock`: the time at which the host answered. */
export function statisticsLines(
  host: string,
  statistics: HostStatistics,
  clock: string,
): readonly string[] {
  const { links, seconds, uptime } = statistics;
  const head = [
    'interface',
    'state',
    'speed',
    ...['rx bytes', 'pkts', 'err', 'drop'],
    ...['tx bytes', 'pkts', 'err', 'drop'],
    ...(seconds === undefined ? [] : ['rx bit/s', 'tx bit/s']),
  ];
  const rows = links.map((link) => [
    sanitise(link.name),
    CONDITIONS[link.condition],
    speedText(link),
    ...counterCells(link.rx),
    ...counterCells(link.tx),
    ...(seconds === undefined
      ? []
      : link.rates === undefined
        ? ['', '']
        : [shortNumber(link.rates.rx.bytes * 8), shortNumber(link.rates.tx.bytes * 8)]),
  ]);
  const over = seconds === undefined ? '' : `, rates over ${seconds.toFixed(1)} s`;
  return [
    `${sanitise(host)}: at ${clock}, up for ${formatSeconds(uptime)}${over}`,
    ...aligned([head, ...rows], 3).map((line) => `  ${line}`),
    ...links.flatMap(({ name, bond }) => (bond === undefined ? [] : bondLines(name, bond))),
  ];
}

function bondLines(name: string, bond: BondStatistics): readonly string[] {
  const { lacp } = bond;
  const facts = [
    bond.mode,
    ...(bond.activePort === undefined ? [] : [`sends through ${bond.activePort}`]),
    ...(lacp === undefined
      ? []
      : lacp.partnerMac === NO_PARTNER
        ? ['no LACP partner answers']
        : [
            `LACP partner ${lacp.partnerMac}`,
            `aggregator ${lacp.aggregator} with ${lacp.ports} of ${bond.ports.length} ports`,
          ]),
  ];
  const rows = bond.ports.map((port) => [
    port.name,
    port.isActive ? 'active' : 'not active',
    port.isUp ? 'up' : 'down',
    ...(lacp === undefined ? [] : [`aggregator ${port.aggregator ?? 'none'}`]),
    `${port.linkFailures} link failure${port.linkFailures === 1 ? '' : 's'}`,
  ]);
  return [`  ${name}: ${facts.join(', ')}`, ...aligned(rows, 9).map((line) => `    ${line}`)].map(
    sanitise,
  );
}

/** With the keys of network documents: words joined by hyphens. */
export function statisticsJson(statistics: HostStatistics, sampledAt: string): unknown {
  return {
    'sampled-at': sampledAt,
    uptime: statistics.uptime,
    ...(statistics.seconds === undefined ? {} : { seconds: statistics.seconds }),
    interfaces: statistics.links.map(linkJson),
  };
}

function linkJson(link: LinkStatistics): unknown {
  const { bond, rates } = link;
  return {
    name: link.name,
    state: link.condition,
    ...(link.speedMbit === undefined ? {} : { 'speed-mbit': link.speedMbit }),
    ...(link.duplex === undefined ? {} : { duplex: link.duplex }),
    ...(link.mtu === undefined ? {} : { mtu: link.mtu }),
    ...(link.mac === undefined ? {} : { 'mac-address': link.mac }),
    rx: link.rx,
    tx: link.tx,
    ...(rates === undefined ? {} : { 'per-second': rates }),
    ...(bond === undefined
      ? {}
      : {
          'link-aggregation': {
            mode: bond.mode,
            ...(bond.activePort === undefined ? {} : { 'active-port': bond.activePort }),
            ...(bond.lacp === undefined
              ? {}
              : {
                  lacp: {
                    'partner-mac': bond.lacp.partnerMac,
                    aggregator: bond.lacp.aggregator,
                    ports: bond.lacp.ports,
                  },
                }),
            ports: bond.ports.map((port) => ({
              name: port.name,
              active: port.isActive,
              up: port.isUp,
              'link-failures': port.linkFailures,
              ...(port.aggregator === undefined ? {} : { aggregator: port.aggregator }),
            })),
          },
        }),
  };
}

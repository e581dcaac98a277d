/** DHCP clients: how each one is called, and what the way back needs of those that a plan ends. Pure. */
import { settingsMark } from '../network/dhcp.js';
import { quoteSh } from '../quote-sh.js';
import type { DhcpProcess, DhcpSettings, DhcpState, NetworkState } from '../network/state.js';
import type { DhcpTool, Operation } from '../plan/change.js';
import { batchLine } from './batch.js';
import { routeWords } from './route-words.js';

const FOLDER = '/run/netorch/dhcp';

/** Option 61 in hex: a type byte 0 before text (RFC 2132, 9.14). */
function clientIdHex(id: string): string {
  if (/^[0-9a-f]{2}(:[0-9a-f]{2})+$/i.test(id)) return id.replaceAll(':', '').toLowerCase();
  return `00${Buffer.from(id).toString('hex')}`;
}

function udhcpcWords(name: string, dhcp: DhcpState): readonly string[] {
  const { clientId, hostname } = dhcp.settings;
  const isOwnId = clientId !== undefined && clientId !== 'll';
  return [
    '-f',
    '-i',
    name,
    '-s',
    `${FOLDER}/${scriptName(dhcp.settings)}`,
    // Without it each try takes 20 s to give up.
    '-A',
    '2',
    ...(dhcp.expected === undefined ? [] : ['-r', dhcp.expected.ip]),
    ...(hostname === undefined ? [] : ['-x', `hostname:${hostname}`]),
    // By default it names itself by its MAC, which is what nmstate calls "ll".
    ...(isOwnId ? ['-C', '-x', `0x3d:${clientIdHex(clientId)}`] : []),
  ];
}

const scriptName = (settings: DhcpSettings): string => `udhcpc${settingsMark(settings)}.sh`;

/** The variables that udhcpc.sh asks for. */
function scriptSettings(settings: DhcpSettings): string {
  return [
    `METRIC=${settings.metric ?? ''}`,
    `TABLE=${settings.table ?? ''}`,
    `NO_GATEWAY=${settings.gateway === false ? 1 : ''}`,
    `NO_ROUTES=${settings.routes === false ? 1 : ''}`,
    `NO_DNS=${settings.dns === false ? 1 : ''}`,
  ].join(' ');
}

/** In the foreground: they are put in the background by dhcp_start, with a session of their own. */
function clientWords(name: string, tool: DhcpTool, dhcp: DhcpState): readonly string[] {
  switch (tool) {
    case 'udhcpc':
      return ['udhcpc', ...udhcpcWords(name, dhcp)];
    case 'busybox-udhcpc':
      return ['busybox', 'udhcpc', ...udhcpcWords(name, dhcp)];
    case 'dhclient':
      // AppArmor profiles let it write to these names.
      return [
        ...['dhclient', '-4', '-d', '-pf', `/run/dhclient.${name}.pid`],
        ...['-lf', `/run/dhclient.${name}.leases`, name],
      ];
    case 'networkmanager':
      throw new Error(`DHCP of ${name} is NetworkManager's to start`);
  }
}

const call = (...words: readonly string[]): string => words.map(quoteSh).join(' ');
const begins = (process: DhcpProcess): string => process.command.join(' ').replaceAll('\n', ' ');

export function startLines(name: string, tool: DhcpTool, dhcp: DhcpState): readonly string[] {
  const isUdhcpc = tool.endsWith('udhcpc');
  return [
    ...(isUdhcpc
      ? [call('dhcp_script', scriptName(dhcp.settings), scriptSettings(dhcp.settings))]
      : []),
    call('dhcp_start', name, ...clientWords(name, tool, dhcp)),
  ];
}

export const stopLine = (process: DhcpProcess): string =>
  call('dhcp_stop', String(process.pid), begins(process));

/** Takes away every dynamic IPv4 address of the interface, and what the client set for good. */
export function flushLines(name: string, process: DhcpProcess): readonly string[] {
  return [
    batchLine(['addr', 'flush', 'dev', name, 'to', '0.0.0.0/0', 'dynamic']),
    batchLine(['route', 'flush', 'dev', name, 'proto', '16']),
    ...process.permanent.map(({ ip, prefixLength }) =>
      batchLine(['addr', 'del', `${ip}/${prefixLength}`, 'dev', name]),
    ),
  ];
}

type DhcpRestore = Readonly<{
  /** Functions for runtime.sh. */
  functions: readonly string[];
  /** Lines for dhcp_put_leases. */
  leases: readonly string[];
  leaseRoutes: readonly string[];
  /** `ip -batch` lines that take away what a client set that the plan started. */
  removals: readonly string[];
}>;

export function dhcpRestore(operations: readonly Operation[]): DhcpRestore {
  const deleted = new Set(
    operations.flatMap((operation) => (operation.op === 'delete-link' ? [operation.name] : [])),
  );
  const goOn: string[] = [];
  const end: string[] = [];
  const leases: string[] = [];
  const leaseRoutes: string[] = [];
  const removals: string[] = [];
  for (const operation of operations) {
    if (operation.op === 'start-dhcp') {
      removals.push(
        batchLine(['addr', 'flush', 'dev', operation.name, 'to', '0.0.0.0/0', 'dynamic']),
        batchLine(['route', 'flush', 'dev', operation.name, 'proto', '16']),
        batchLine(['route', 'flush', 'dev', operation.name, 'exact', '0.0.0.0/0', 'proto', '3']),
      );
    }
    if (operation.op === 'set-autoconf' && operation.enabled) {
      const name = quoteSh(operation.name);
      goOn.push(`ip -6 addr flush dev ${name} dynamic; ip -6 route flush dev ${name} proto ra`);
    }
    if (operation.op === 'set-autoconf' && !operation.enabled) {
      goOn.push(call('solicit', operation.name));
    }
    if (operation.op !== 'stop-dhcp') continue;
    const { name, process } = operation;
    const is = call('dhcp_is', String(process.pid), begins(process));
    const again = call('dhcp_start', name, ...process.command);
    end.push(`${is} && kill -KILL ${process.pid}`);
    goOn.push(
      deleted.has(name)
        ? `${is} && kill -KILL ${process.pid}; ${again}`
        : `if ${is}; then kill -CONT ${process.pid}; else ${again}; fi`,
    );
    for (const lease of process.leases) {
      leases.push(
        [
          name,
          `${lease.address.ip}/${lease.address.prefixLength}`,
          lease.broadcast ?? '-',
          lease.validUntil ?? '-',
          lease.preferredUntil ?? lease.validUntil ?? '-',
          ...(lease.hasNoPrefixRoute ? ['noprefixroute'] : []),
        ].join(' '),
      );
    }
    const direct = (via: string | undefined): number => (via === undefined ? 0 : 1);
    const routes = [...process.routes].sort(
      (a, b) => direct(a.nextHopAddress) - direct(b.nextHopAddress),
    );
    leaseRoutes.push(...routes.map((route) => batchLine(routeWords(route, 'replace'))));
  }
  return {
    functions: [
      `dhcp_go_on() {\n${[...goOn, ':'].join('\n')}\n}`,
      `dhcp_end_former() {\n${[...end, ':'].join('\n')}\n}`,
    ],
    leases,
    leaseRoutes,
    removals,
  };
}

/** For a boot: the clients of a recorded state start again, as they were started. */
export function bootDhcp(state: NetworkState, scope: readonly string[]): string {
  const lines = scope.flatMap((name) => {
    const dhcp = state.interfaces.get(name)?.ipv4.dhcp;
    if (dhcp?.process === undefined) return [];
    const words = dhcp.process.command;
    const script = words.find((word) => word.startsWith(`${FOLDER}/udhcpc`));
    const mark = script?.slice(`${FOLDER}/udhcpc`.length).replace(/\.sh$/, '');
    return [
      ...(mark === undefined
        ? []
        : [call('dhcp_script', `udhcpc${mark}.sh`, scriptSettings(settingsOf(mark)))]),
      call('dhcp_start', name, ...words),
    ];
  });
  return `dhcp_go_on() {\n${[...lines, ':'].join('\n')}\n}`;
}

/** What of a mark (`settingsMark`) the script must know. */
function settingsOf(mark: string): DhcpSettings {
  const number = (word: string): number | undefined => {
    const found = new RegExp(`-${word}(\\d+)(-|$)`).exec(mark)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const table = number('table');
  const metric = number('metric');
  return {
    ...(/^-nodns/.test(mark) ? { dns: false } : {}),
    ...(/-nogateway(-|$)/.test(mark) ? { gateway: false } : {}),
    ...(/-noroutes(-|$)/.test(mark) ? { routes: false } : {}),
    ...(table === undefined ? {} : { table }),
    ...(metric === undefined ? {} : { metric }),
  };
}

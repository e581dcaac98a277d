/**
 * The canonical lines (agents/canonical.ts) that a host in a given state would have, as far as the way back
 * reads them: so that golden cases can be written as states, without the raw output of `ip`.
 */
import { ruleWords } from '../../src/backends/iproute2.js';
import { routeWords } from '../../src/backends/route-words.js';
import type { InterfaceState, NetworkState } from '../../src/network/state.js';

export function linesOfState(state: NetworkState): readonly string[] {
  const interfaces = [...state.interfaces.values()];
  return [
    ...interfaces.map((item) => `link ${item.name} {${linkData(item, state)}}`),
    ...interfaces.flatMap(addressLines),
    ...state.routes.flatMap((route) => {
      // `route replace [TYPE] DESTINATION …`, which `ip -N -o -d route` prints with the type as a number.
      const words = routeWords(route, 'replace').slice(2).map(String);
      const types: Readonly<Record<string, string>> = {
        blackhole: '6',
        unreachable: '7',
        prohibit: '8',
      };
      const type = types[words[0] ?? ''];
      const rest = type === undefined ? words : words.slice(1);
      const destination = /^(0\.0\.0\.0|::)\/0$/.test(rest[0] ?? '') ? 'default' : rest[0];
      const what = route.family === 'ipv4' ? 'route' : 'route6';
      return route.foreign ? [] : [[what, type ?? '1', destination, ...rest.slice(1)].join(' ')];
    }),
    ...state.rules.map((rule) => {
      const words = ruleWords({ ...rule, priority: undefined }, 'add').slice(2);
      const from = rule.from === undefined ? ['from', 'all'] : [];
      const family = rule.family === 'ipv4' ? 'rule4' : 'rule6';
      return [family, `${rule.priority ?? 0}:`, ...from, ...words].join(' ');
    }),
    ...state.dns.search.slice(0, 1).map(() => `dns search ${state.dns.search.join(' ')}`),
    ...state.dns.servers.map((server) => `dns nameserver ${server}`),
    ...(state.hostname === undefined ? [] : [`hostname ${state.hostname}`]),
    ...interfaces.map(
      (item) => `sysctl ${item.name} ipv6 disable_ipv6 ${item.ipv6.enabled ? 0 : 1}`,
    ),
    ...interfaces.flatMap((item) =>
      portOf(item, state)?.vlans.length === undefined ? [] : [`vlan ${item.name} {}`],
    ),
  ];
}

function addressLines(item: InterfaceState): readonly string[] {
  return [
    ...item.ipv4.addresses.map(
      ({ ip, prefixLength }) =>
        `addr ${item.name} inet ${ip}/${prefixLength} scope global ${item.name}`,
    ),
    ...item.ipv6.addresses.map(
      ({ ip, prefixLength }) => `addr ${item.name} inet6 ${ip}/${prefixLength} scope global`,
    ),
  ];
}

function portOf(item: InterfaceState, state: NetworkState) {
  const link =
    item.controller === undefined ? undefined : state.interfaces.get(item.controller)?.link;
  return link?.kind === 'linux-bridge'
    ? link.ports.find((port) => port.name === item.name)
    : undefined;
}

/** The JSON that the way back looks into: MAC of the NIC itself, and what it is as a port. */
function linkData(item: InterfaceState, state: NetworkState): string {
  const link =
    item.controller === undefined ? undefined : state.interfaces.get(item.controller)?.link;
  const port = portOf(item, state);
  const bondPort = link?.kind === 'bond' ? (link.portOptions?.[item.name] ?? {}) : {};
  const flag = (value: string): string =>
    value === 'on' ? 'true' : value === 'off' ? 'false' : value;
  const pairs = (options: Readonly<Record<string, string>>): string =>
    Object.entries(options)
      .map(([key, value]) => `"${key}":${flag(value)}`)
      .join(',');
  const permanent = item.facts?.permanentMac;
  return [
    ...(port === undefined
      ? []
      : [`"info_slave_kind":"bridge","info_slave_data":{${pairs(port.options)}}`]),
    ...(link?.kind === 'bond'
      ? [`"info_slave_kind":"bond","info_slave_data":{${pairs(bondPort)}}`]
      : []),
    ...(permanent === undefined ? [] : [`"perm_hwaddr":"${permanent}"`]),
  ].join(',');
}

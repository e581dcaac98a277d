/** DHCP for IPv4: the `dhcp`, `auto-*` and `dhcp-*` keys of an `ipv4:` section. */
import { z } from 'zod';
import { isWritableHostname } from './hostname.js';
import { tableId } from './route.js';
import { integer, truth } from './scalars.js';
import type { DhcpSettings } from './state.js';

const CLIENT_ID = 'must be ll, iaid+duid, or text (hex bytes as 01:52:54:…)';

/**
 * RFC 2132, option 61: what the server knows the client by. Shell and command line take it as it is, so
 * it holds no other characters.
 */
const clientId = z
  .string(CLIENT_ID)
  .regex(/^[A-Za-z0-9][A-Za-z0-9:._+-]{0,127}$/, CLIENT_ID)
  .optional();

const HOSTNAME = 'must be a hostname';

/** Keys that steer DHCP (and, in part, router advertisements). */
export const autoKeys = {
  'auto-dns': truth.optional(),
  'auto-gateway': truth.optional(),
  'auto-routes': truth.optional(),
  'auto-route-table-id': tableId.optional(),
  'auto-route-metric': integer(-1, 4_294_967_295).optional(),
};

export const dhcpKeys = {
  dhcp: truth.optional(),
  'dhcp-client-id': clientId,
  'dhcp-send-hostname': truth.optional(),
  'dhcp-custom-hostname': z.string(HOSTNAME).refine(isWritableHostname, HOSTNAME).optional(),
};

const dhcpSection = z.object({ ...autoKeys, ...dhcpKeys });

/** What differs from a client's own ways; nmstate's defaults say nothing. */
export function dhcpSettings(section: z.output<typeof dhcpSection>): DhcpSettings {
  const table = section['auto-route-table-id'];
  const metric = section['auto-route-metric'];
  const id = section['dhcp-client-id'];
  const hostname = section['dhcp-custom-hostname'];
  return {
    ...(section['auto-dns'] === false ? { dns: false } : {}),
    ...(section['auto-gateway'] === false ? { gateway: false } : {}),
    ...(section['auto-routes'] === false ? { routes: false } : {}),
    ...(table === undefined || table === 254 ? {} : { table }),
    ...(metric === undefined || metric === -1 ? {} : { metric }),
    ...(id === undefined ? {} : { clientId: id }),
    ...(hostname === undefined || section['dhcp-send-hostname'] === false ? {} : { hostname }),
  };
}

const KEYS: Readonly<Record<keyof DhcpSettings, string>> = {
  dns: 'auto-dns',
  gateway: 'auto-gateway',
  routes: 'auto-routes',
  table: 'auto-route-table-id',
  metric: 'auto-route-metric',
  clientId: 'dhcp-client-id',
  hostname: 'dhcp-custom-hostname',
};

/** The document's names of the settings that are given. */
export function settingKeys(settings: DhcpSettings): readonly string[] {
  return Object.entries(KEYS).flatMap(([key, name]) =>
    settings[key as keyof DhcpSettings] === undefined ? [] : [name],
  );
}

/**
 * The settings as a word. The script of a client that netorch starts carries it in its name, so that a
 * running client shows what it was started with.
 */
export function settingsMark(settings: DhcpSettings): string {
  return [
    ...(settings.dns === false ? ['nodns'] : []),
    ...(settings.gateway === false ? ['nogateway'] : []),
    ...(settings.routes === false ? ['noroutes'] : []),
    ...(settings.table === undefined ? [] : [`table${settings.table}`]),
    ...(settings.metric === undefined ? [] : [`metric${settings.metric}`]),
    ...(settings.clientId === undefined ? [] : [`id${settings.clientId}`]),
    ...(settings.hostname === undefined ? [] : [`name${settings.hostname}`]),
  ]
    .map((word) => `-${word}`)
    .join('');
}

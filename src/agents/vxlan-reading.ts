/** What of a VXLAN no document names and a new one would lack, as `ip -j -d` shows it (iplink_vxlan.c). */
import type { VxlanLink } from '../network/state.js';

type Json = Readonly<Record<string, unknown>>;

/** Off, unless asked for when it is made. */
const SWITCHES: Readonly<Record<string, string>> = {
  proxy: 'proxy',
  rsc: 'rsc',
  l2miss: 'l2miss',
  l3miss: 'l3miss',
  udp_zero_csum6_tx: 'udp6zerocsumtx',
  udp_zero_csum6_rx: 'udp6zerocsumrx',
  remcsum_tx: 'remcsumtx',
  remcsum_rx: 'remcsumrx',
  gbp: 'gbp',
  gpe: 'gpe',
};

/** drivers/net/vxlan, FDB_AGE_DEFAULT. */
const DEFAULT_AGEING = 300;

/** Only what differs from what the kernel gives a new one; undefined: nothing does. */
export function vxlanOptions(data: Json): VxlanLink['options'] {
  const words = new Map<string, string>();
  const { ttl, tos, label, df, ageing, limit, port_range: range, udp_csum: checksum } = data;
  // Inherited it is not printed. (An `ip` that knows no "df" prints none that is 0, either.)
  if (ttl === undefined && df !== undefined) words.set('ttl', 'ttl inherit');
  if (typeof ttl === 'number' && ttl > 0) words.set('ttl', `ttl ${ttl}`);
  if (isHex(tos)) words.set('tos', `tos ${tos}`);
  if (isHex(label)) words.set('flowlabel', `flowlabel ${label}`);
  if (df === 'set' || df === 'inherit') words.set('df', `df ${df}`);
  if (typeof ageing === 'number' && ageing !== DEFAULT_AGEING)
    words.set('ageing', `ageing ${ageing}`);
  if (typeof limit === 'number' && limit > 0) words.set('maxaddress', `maxaddress ${limit}`);
  const { low, high } = (range ?? {}) as Json;
  if (typeof low === 'number' && typeof high === 'number' && high > 0)
    words.set('srcport', `srcport ${low} ${high}`);
  if (checksum === false) words.set('udpcsum', 'noudpcsum');
  for (const [key, word] of Object.entries(SWITCHES)) {
    if (data[key] === true) words.set(word, word);
  }
  return words.size === 0 ? undefined : Object.fromEntries(words);
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && /^0x[0-9a-f]+$/.test(value) && Number(value) > 0;
}

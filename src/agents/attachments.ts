/** What hangs on an interface and is lost with it, beyond what netorch models: from tc and nftables. */

type Readings = Readonly<{
  /** `tc -j qdisc show`, as parsed. */
  qdiscs: readonly Readonly<Record<string, unknown>>[];
  /** `FROM TO`: a filter on FROM that mirrors or redirects to TO. */
  mirrors: readonly string[];
  /** Rules of `nft list ruleset` that match by iif or oif. */
  nftables: readonly string[];
}>;

/** By interface, in words. */
export function attachmentsOf(readings: Readings): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = (device: string, text: string): void => {
    const list = found.get(device) ?? [];
    if (!list.includes(text)) found.set(device, [...list, text]);
  };
  for (const { dev, kind, handle, root } of readings.qdiscs) {
    if (typeof dev !== 'string') continue;
    const word = typeof kind === 'string' ? kind : 'unknown';
    // A default one has handle 0:; "mq" and its children are made by the driver for multi-queue cards.
    const isSet = handle !== '0:' && word !== 'mq' && root !== undefined;
    if (isSet || word === 'ingress' || word === 'clsact') add(dev, `queueing discipline ${word}`);
  }
  for (const line of readings.mirrors) {
    const [from, to] = line.split(' ');
    if (from !== undefined && to !== undefined) add(to, `a tc mirror from ${from}`);
  }
  for (const line of readings.nftables) {
    const [, devices = ''] = /(?:^|[^a-z])[io]if (?:!= )?(\{[^}]*\}|"[^"]*")/.exec(line) ?? [];
    for (const [, device = ''] of devices.matchAll(/"([^"]+)"/g)) {
      add(device, 'a rule of nftables that holds its index (iif, oif)');
    }
  }
  return found;
}

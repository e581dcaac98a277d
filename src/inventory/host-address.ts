/** What Ansible takes for a host: a name or an address, ranges in it, a port behind it. */

export type HostAddress = Readonly<{ host: string; port: number | undefined }>;

const NUMBERS = String.raw`\[\d+:\d+(?::\d+)?\]`;
const HEX_RANGE = String.raw`\[[0-9a-f]+:[0-9a-f]+(?::\d+)?\]`;
const LABEL_RANGE = String.raw`\[(?:[a-z]:[a-z]|\d+:\d+)(?::\d+)?\]`;

const BYTE = String.raw`(?:[01]?\d{1,2}|2[0-4]\d|25[0-5]|${NUMBERS})`;
const IPV4 = new RegExp(`^(?:${BYTE}\\.){3}${BYTE}$`, 'i');

const PART = `(?:[0-9a-f]{1,4}|${HEX_RANGE})`;
const V4_TAIL = `(?:${PART}\\.){3}${PART}`;
const IPV6 = new RegExp(
  `^(?:${[
    `(?:${PART}:){7}${PART}`,
    `(?:${PART}:){1,6}:`,
    ...[1, 2, 3, 4, 5, 6].map((before) => `(?:${PART}:){${before}}(?::${PART}){1,${7 - before}}`),
    `:(?::${PART}){1,6}`,
    `${PART}?::`,
    `(?:0:){6}${V4_TAIL}`,
    `::(?:ffff:)?${V4_TAIL}`,
    `(?:0:){5}ffff:${V4_TAIL}`,
  ].join('|')})$`,
  'i',
);

/** Letters, digits and underscores of any script; a label does not end in "-" or "_". */
const LABEL = String.raw`(?:[\p{L}\p{N}_]|${LABEL_RANGE})(?:[\p{L}\p{N}_-]|${LABEL_RANGE})*(?<![_-])`;
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'iu');

/**
 * Splits `host`, `host:port` and `[host]:port`; undefined for what is neither a name nor an address.
 * A bare IPv6 address has no port. Ranges (`web[1:3]`) may stand in names and addresses.
 */
export function parseHostAddress(text: string): HostAddress | undefined {
  let host = text;
  let port: number | undefined;
  const bracketed = /^\[(.+)\]:(\d+)$/.exec(host);
  if (bracketed !== null) [host, port] = [bracketed[1] ?? '', Number(bracketed[2])];
  const plain = /^((?:[^:[\]]|\[[^\]]*\])*):(\d+)$/.exec(host);
  if (plain !== null) [host, port] = [plain[1] ?? '', Number(plain[2])];
  return isHost(host) ? { host, port } : undefined;
}

function isHost(text: string): boolean {
  return IPV4.test(text) || IPV6.test(text) || NAME.test(text);
}

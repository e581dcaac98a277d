/**
 * OpenSSH's known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): parsing, matching and judging
 * a presented key. Pure: files are read in known-hosts-files.ts.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { matchesPatternList } from './ssh-pattern.js';

export type KnownHostsEntry = Readonly<{
  file: string;
  line: number;
  marker: 'none' | 'revoked' | 'cert-authority';
  /** Matches the name as OpenSSH writes it: `address`, or `[address]:port` off port 22. */
  matches: (name: string) => boolean;
  /** The key type, for instance `ssh-ed25519`. */
  type: string;
  /** The key in base64. */
  key: string;
}>;

/** What known_hosts says of a presented key. */
type KeyJudgement = Readonly<
  | { kind: 'known'; entry: KnownHostsEntry }
  | { kind: 'revoked'; entry: KnownHostsEntry }
  | { kind: 'mismatch'; entry: KnownHostsEntry }
  /** The host is known, but only by keys of other types. */
  | { kind: 'other-type'; entry: KnownHostsEntry }
  /** Only a certificate authority stands for this host. */
  | { kind: 'authority-only'; entry: KnownHostsEntry }
  | { kind: 'unknown' }
>;

const DEFAULT_PORT = 22;

/** The name under which known_hosts keeps a host: `address`, or `[address]:port` off port 22. */
export function knownHostsName(address: string, port: number): string {
  const name = address.toLowerCase();
  return port === DEFAULT_PORT ? name : `[${name}]:${port}`;
}

/** Lines that are no entries (comments, unreadable ones) are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownHostsEntry[] {
  const entries: KnownHostsEntry[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const fields = line.trim().split(/[ \t]+/);
    const first = fields[0] ?? '';
    if (first === '' || first.startsWith('#')) continue;
    const marker = parseMarker(first);
    if (marker === undefined) continue;
    const [hosts, type, key] = marker === 'none' ? fields : fields.slice(1);
    if (hosts === undefined || type === undefined || key === undefined) continue;
    // A key that does not start with its own type is damaged: it can match nothing.
    if (keyTypeOf(Buffer.from(key, 'base64')) !== type) continue;
    const matches = hosts.startsWith('|') ? hashedMatcher(hosts) : patternMatcher(hosts);
    entries.push({ file, line: index + 1, marker, matches, type, key });
  }
  return entries;
}

function parseMarker(field: string): KnownHostsEntry['marker'] | undefined {
  if (!field.startsWith('@')) return 'none';
  if (field === '@revoked') return 'revoked';
  if (field === '@cert-authority') return 'cert-authority';
  return undefined;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as key, both in base64. */
function hashedMatcher(field: string): (name: string) => boolean {
  const [, version, salt, hash] = field.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return () => false;
  const saltBytes = Buffer.from(salt, 'base64');
  const wanted = Buffer.from(hash, 'base64');
  return (name) => {
    const actual = createHmac('sha1', saltBytes).update(name).digest();
    return actual.length === wanted.length && timingSafeEqual(actual, wanted);
  };
}

/** A comma-separated list of patterns; names have no case. */
function patternMatcher(field: string): (name: string) => boolean {
  return (name) => matchesPatternList(name.toLowerCase(), field, 'any-case');
}

/**
 * The key types that are known for a host, in the order of the files. They are asked for first: a host
 * that is known by its RSA key must not look unknown because it also has an ed25519 one.
 */
export function knownKeyTypes(
  entries: readonly KnownHostsEntry[],
  address: string,
  port: number,
): string[] {
  const plain = entries.filter(({ marker }) => marker === 'none');
  const found = [...entriesOf(plain, address, port), ...portlessEntries(plain, address, port)];
  return [...new Set(found.map(({ type }) => type))];
}

/** `presented` is the key as the server sent it (the SSH wire format). */
export function judgeHostKey(
  entries: readonly KnownHostsEntry[],
  address: string,
  port: number,
  presented: Buffer,
): KeyJudgement {
  const type = keyTypeOf(presented);
  const key = presented.toString('base64');
  const isPresented = (entry: KnownHostsEntry) => samePublicKey(entry.key, key);

  const named = entriesOf(entries, address, port);
  const portless = portlessEntries(entries, address, port);
  const revoked = [...named, ...portless].find(
    (entry) => entry.marker === 'revoked' && isPresented(entry),
  );
  if (revoked !== undefined) return { kind: 'revoked', entry: revoked };

  const plain = named.filter(({ marker }) => marker === 'none');
  // OpenSSH too takes a key that is kept without the port; such an entry can only vouch, not accuse.
  const known =
    plain.find(isPresented) ?? portless.find((e) => e.marker === 'none' && isPresented(e));
  if (known !== undefined) return { kind: 'known', entry: known };

  const sameType = plain.find((entry) => entry.type === type);
  if (sameType !== undefined) return { kind: 'mismatch', entry: sameType };
  const [otherType] = plain;
  if (otherType !== undefined) return { kind: 'other-type', entry: otherType };
  const authority = named.find(({ marker }) => marker === 'cert-authority');
  if (authority !== undefined) return { kind: 'authority-only', entry: authority };
  return { kind: 'unknown' };
}

function entriesOf(entries: readonly KnownHostsEntry[], address: string, port: number) {
  const name = knownHostsName(address, port);
  return entries.filter((entry) => entry.matches(name));
}

function portlessEntries(entries: readonly KnownHostsEntry[], address: string, port: number) {
  return port === DEFAULT_PORT ? [] : entriesOf(entries, address, DEFAULT_PORT);
}

function samePublicKey(a: string, b: string): boolean {
  return a === b || Buffer.from(a, 'base64').equals(Buffer.from(b, 'base64'));
}

/** The line that known_hosts keeps for a key (without a newline). */
export function knownHostsLine(address: string, port: number, key: Buffer): string {
  return `${knownHostsName(address, port)} ${publicKeyText(key)}`;
}

/** `type base64`, as in known_hosts and in .pub files. */
export function publicKeyText(key: Buffer): string {
  return `${keyTypeOf(key)} ${key.toString('base64')}`;
}

/** `SHA256:…` as ssh-keygen -l prints it. */
export function keyFingerprint(key: Buffer | string): string {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : key;
  return `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a public key in wire format begins with; an empty string when it is damaged. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  return length > key.length - 4 ? '' : key.toString('latin1', 4, 4 + length);
}

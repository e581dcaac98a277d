import { NetorchError } from '../errors.js';
import {
  judgeHostKey,
  keyFingerprint,
  keyTypeOf,
  knownHostsName,
  publicKeyText,
} from './known-hosts.js';
import type { KnownHostsEntry } from './known-hosts.js';
import { quoteSh } from '../quote-sh.js';
import type { ConnectionTarget } from './transport.js';

const DEFAULT_PORT = 22;

/** What is to be done with a presented host key. */
type HostKeyVerdict = Readonly<
  | { kind: 'trust' }
  | { kind: 'trust-and-record' }
  /** `needsCertificates`: a host certificate might be trusted, which ssh2 cannot ask for. */
  | { kind: 'refuse'; error: NetorchError; needsCertificates?: boolean }
>;

/** The name and port by which known_hosts keeps a host: HostKeyAlias stands for both. */
export function hostKeyPlace(target: ConnectionTarget, address: string): [string, number] {
  return target.hostKeyAlias === undefined
    ? [address, target.port]
    : [target.hostKeyAlias, DEFAULT_PORT];
}

/** Pure. `expectedHostKey` (of an earlier connection) replaces the known_hosts check. */
export function checkHostKey(
  target: ConnectionTarget,
  address: string,
  presented: Buffer,
  entries: readonly KnownHostsEntry[],
  expectedHostKey: string | undefined,
): HostKeyVerdict {
  if (expectedHostKey !== undefined) {
    if (publicKeyText(presented) === expectedHostKey) return { kind: 'trust' };
    return refuse(
      'HOST_KEY_MISMATCH',
      `${target.host}: ${address} port ${target.port} is not the host of the first connection: it has another host key`,
      [
        `expected ${describeKeyText(expectedHostKey)}`,
        `got      ${describeKey(presented)}`,
        'another machine answers at this address, or the host key was changed during the run',
      ],
    );
  }

  const [name, port] = hostKeyPlace(target, address);
  const judgement = judgeHostKey(entries, name, port, presented);
  const place = `${target.host}: the host key of ${address} port ${target.port}`;
  switch (judgement.kind) {
    case 'known':
      return { kind: 'trust' };
    case 'revoked':
      return refuse('HOST_KEY_MISMATCH', `${place} is marked as revoked`, [
        `${entryPlace(judgement.entry)} revokes ${describeKey(presented)}`,
        'give the host a new host key, and record that one',
      ]);
    default:
  }
  if (target.hostKeyChecking === 'off') return { kind: 'trust' };

  const [file] = target.knownHostsFiles;
  switch (judgement.kind) {
    case 'mismatch': {
      const { entry } = judgement;
      const entryName = quoteSh(knownHostsName(name, port));
      return refuse('HOST_KEY_MISMATCH', `${place} is not the known one`, [
        `expected ${entry.type} ${keyFingerprint(entry.key)} (${entryPlace(entry)})`,
        `got      ${describeKey(presented)}`,
        `another machine may be answering; if the host was reinstalled: ssh-keygen -R ${entryName} -f ${quoteSh(entry.file)}`,
      ]);
    }
    case 'other-type':
      // Not even accept-new: the known key was asked for first, so its absence is a change.
      return refuse('HOST_KEY_UNKNOWN', `${place} is of a type that is not known for it`, [
        `got   ${describeKey(presented)}`,
        `known ${judgement.entry.type} ${keyFingerprint(judgement.entry.key)} (${entryPlace(judgement.entry)})`,
        ...howToAdd(target, address, presented),
      ]);
    case 'authority-only':
      return {
        ...refuse(
          'HOST_KEY_UNKNOWN',
          `${place} is known only through a certificate authority, and ssh2 takes no host certificates`,
          [
            `got ${describeKey(presented)}`,
            `the authority: ${entryPlace(judgement.entry)}`,
            "the system's ssh can check its certificate: netorch_transport: auto or openssh",
            ...howToAdd(target, address, presented),
          ],
        ),
        needsCertificates: true,
      };
    case 'unknown':
      if (target.hostKeyChecking === 'accept-new' && file !== undefined) {
        return { kind: 'trust-and-record' };
      }
      return refuse('HOST_KEY_UNKNOWN', `${place} is not known`, [
        `got ${describeKey(presented)}`,
        ...howToAdd(target, address, presented),
      ]);
  }
}

function refuse(
  code: 'HOST_KEY_UNKNOWN' | 'HOST_KEY_MISMATCH',
  message: string,
  notes: readonly string[],
): Extract<HostKeyVerdict, { kind: 'refuse' }> {
  return { kind: 'refuse', error: new NetorchError(code, message, { notes }) };
}

function howToAdd(target: ConnectionTarget, address: string, key: Buffer): string[] {
  const [file] = target.knownHostsFiles;
  if (file === undefined) return ['no known_hosts file is configured for this host'];
  const line = `${knownHostsName(...hostKeyPlace(target, address))} ${publicKeyText(key)}`;
  return [
    `compare it with the host's own (ssh-keygen -l -f /etc/ssh/ssh_host_..._key.pub), then add it: echo ${quoteSh(line)} >> ${quoteSh(file)}`,
    `or let netorch record keys of new hosts: ansible_ssh_common_args: -o StrictHostKeyChecking=accept-new`,
  ];
}

function describeKey(key: Buffer): string {
  return `${keyTypeOf(key)} ${keyFingerprint(key)}`;
}

function describeKeyText(text: string): string {
  const [type = '', base64 = ''] = text.split(' ');
  return `${type} ${keyFingerprint(base64)}`;
}

function entryPlace(entry: KnownHostsEntry): string {
  return `${entry.file}:${entry.line}`;
}

/**
 * The keys that netorch offers at a login: from files and from the ssh-agent, behind one ssh2 agent.
 *
 * ssh2 by itself signs from PEM text, which is decoded for every signature; the parsed key is kept here.
 */
import { createPrivateKey, sign as signData } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';
import { NetorchError } from '../errors.js';
import { keyFingerprint, keyTypeOf } from './known-hosts.js';

export type FileKey = Readonly<{ file: string; publicKey: ParsedKey; privateKey: KeyObject }>;

/** What a key file turned out to be. */
export type KeyFile = Readonly<
  | { kind: 'key'; key: FileKey }
  | { kind: 'missing'; file: string }
  /** `publicKey` from the file or FILE.pub, when it is there: an agent may hold the private part. */
  | { kind: 'encrypted'; file: string; publicKey: Buffer | undefined; isWrongPassphrase: boolean }
  | { kind: 'public'; file: string; publicKey: Buffer }
  /** The private part is in a security key; only an agent or the system's ssh can use it. */
  | { kind: 'fido'; file: string; publicKey: Buffer }
  | { kind: 'unreadable'; file: string; reason: string }
>;

/**
 * Reads key files once each; the promise is kept, so that a fleet costs one read. `passphrases`: key
 * file → what opens it.
 */
export function createKeyFileReader(
  passphrases: ReadonlyMap<string, string> = new Map(),
): (file: string) => Promise<KeyFile> {
  const read = new Map<string, Promise<KeyFile>>();
  return (file) => {
    let result = read.get(file);
    if (result === undefined) {
      result = readKeyFile(file, passphrases.get(file));
      read.set(file, result);
    }
    return result;
  };
}

export async function readKeyFile(file: string, passphrase: string | undefined): Promise<KeyFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return { kind: 'missing', file };
    return { kind: 'unreadable', file, reason: `cannot be read (${String(code)})` };
  }
  const parsed = ssh2.utils.parseKey(text, passphrase);
  if (parsed instanceof Error) {
    const isWrongPassphrase = passphrase !== undefined;
    if (/encrypted/i.test(parsed.message) || (isWrongPassphrase && isEncrypted(text))) {
      return {
        kind: 'encrypted',
        file,
        publicKey: publicKeyInside(text) ?? (await readPublicKey(`${file}.pub`)),
        isWrongPassphrase,
      };
    }
    const inside = publicKeyInside(text);
    if (inside !== undefined && keyTypeOf(inside).startsWith('sk-')) {
      return { kind: 'fido', file, publicKey: inside };
    }
    return { kind: 'unreadable', file, reason: 'is no private key that netorch understands' };
  }
  const publicKey: ParsedKey | undefined = Array.isArray(parsed) ? parsed[0] : parsed;
  if (publicKey === undefined) {
    return { kind: 'unreadable', file, reason: 'holds no key' };
  }
  if (!publicKey.isPrivateKey()) {
    return { kind: 'public', file, publicKey: publicKey.getPublicSSH() };
  }
  try {
    const privateKey = createPrivateKey(publicKey.getPrivatePEM());
    return { kind: 'key', key: { file, publicKey, privateKey } };
  } catch (error) {
    return { kind: 'unreadable', file, reason: `cannot be used (${String(error)})` };
  }
}

const OPENSSH_KEY =
  /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;

/**
 * OpenSSH's own format keeps the public key in the clear (PROTOCOL.key): magic, cipher, kdf and its
 * options as strings, the number of keys, the public key.
 */
function openingOf(text: string): Readonly<{ cipher: string; publicKey: Buffer }> | undefined {
  const base64 = OPENSSH_KEY.exec(text)?.[1];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  let at = 'openssh-key-v1\0'.length;
  const next = (): Buffer | undefined => {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    const field = bytes.subarray(at + 4, end);
    at = end;
    return field;
  };
  const cipher = next();
  next();
  next();
  at += 4;
  const publicKey = next();
  if (cipher === undefined || publicKey === undefined) return undefined;
  return { cipher: cipher.toString('latin1'), publicKey };
}

function publicKeyInside(text: string): Buffer | undefined {
  return openingOf(text)?.publicKey;
}

function isEncrypted(text: string): boolean {
  const cipher = openingOf(text)?.cipher;
  return cipher === undefined ? /^Proc-Type: 4,ENCRYPTED/m.test(text) : cipher !== 'none';
}

async function readPublicKey(file: string): Promise<Buffer | undefined> {
  try {
    const base64 = (await readFile(file, 'utf8')).trim().split(/\s+/)[1];
    return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
  } catch {
    return undefined;
  }
}

type LoginKeysOptions = Readonly<{
  files: readonly FileKey[];
  /** The socket of an ssh-agent. */
  agentSocket: string | undefined;
  /** Of the agent's keys only these. */
  onlyAgentKeys: readonly Buffer[] | undefined;
  /** Those of the agent's keys that go before its others. */
  preferredAgentKeys?: readonly Buffer[];
}>;

type IdentitiesCallback = (error?: Error | null, keys?: ParsedKey[]) => void;
type SignatureCallback = (error?: Error | null, signature?: Buffer) => void;

/** Offers the agent's keys first, then those of the files, each once. */
export class LoginKeys extends ssh2.BaseAgent<ParsedKey> {
  readonly #options: LoginKeysOptions;
  readonly #agent: ssh2.BaseAgent<ParsedKey> | undefined;
  readonly #offered: string[] = [];
  #agentProblem: string | undefined;

  constructor(options: LoginKeysOptions) {
    super();
    this.#options = options;
    this.#agent =
      options.agentSocket === undefined ? undefined : new ssh2.OpenSSHAgent(options.agentSocket);
  }

  /** What was offered to the server so far, one phrase each, for the message of a refused login. */
  get offered(): readonly string[] {
    return this.#offered;
  }

  get agentProblem(): string | undefined {
    return this.#agentProblem;
  }

  override getIdentities(callback: IdentitiesCallback): void {
    const { files } = this.#options;
    const offer = (agentKeys: readonly ParsedKey[]): void => {
      const fromFiles = files
        .map(({ publicKey }) => publicKey)
        .filter((key) => !agentKeys.some((other) => sameKey(other, key)));
      for (const key of agentKeys) this.#offered.push(`${describe(key)} of the ssh-agent`);
      for (const { file, publicKey } of files) {
        if (fromFiles.includes(publicKey)) this.#offered.push(`${file} (${describe(publicKey)})`);
      }
      callback(null, [...agentKeys, ...fromFiles]);
    };
    if (this.#agent === undefined) {
      offer([]);
      return;
    }
    this.#agent.getIdentities((error, keys) => {
      // An agent that has gone away is no reason to give up: the files may do.
      if (error) this.#agentProblem = error.message;
      const { onlyAgentKeys, preferredAgentKeys = [] } = this.#options;
      const among = (list: readonly Buffer[]) => (key: ParsedKey) =>
        list.some((bytes) => sameBytes(key, bytes));
      const parsed = (keys ?? [])
        .filter((key) => 'getPublicSSH' in key)
        .filter((key) => onlyAgentKeys === undefined || among(onlyAgentKeys)(key));
      // Servers count: a fleet's own key must not come behind five that are merely loaded.
      const isPreferred = among(preferredAgentKeys);
      offer([...parsed.filter(isPreferred), ...parsed.filter((key) => !isPreferred(key))]);
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    optionsOrCallback: { hash?: string } | SignatureCallback,
    maybeCallback?: SignatureCallback,
  ): void {
    const callback = typeof optionsOrCallback === 'function' ? optionsOrCallback : maybeCallback;
    const options = typeof optionsOrCallback === 'function' ? {} : optionsOrCallback;
    if (callback === undefined) return;
    const fileKey = this.#options.files.find(({ publicKey }) => publicKey === key);
    if (fileKey === undefined) {
      if (this.#agent === undefined) callback(new Error('the key is not at hand'));
      else this.#agent.sign(key, data, options as ssh2.SigningRequestOptions, callback);
      return;
    }
    let signature: Buffer;
    try {
      signature = signData(signatureHash(key, options.hash), data, fileKey.privateKey);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    callback(null, signature);
  }
}

/** RFC 5656 section 6.2.1 for ECDSA; RSA as negotiated (RFC 8332), never with SHA-1. */
function signatureHash(key: ParsedKey, negotiated: string | undefined): string | null {
  switch (key.type) {
    case 'ssh-ed25519':
      return null;
    case 'ecdsa-sha2-nistp256':
      return 'sha256';
    case 'ecdsa-sha2-nistp384':
      return 'sha384';
    case 'ecdsa-sha2-nistp521':
      return 'sha512';
    default:
      if (negotiated === 'sha256' || negotiated === 'sha512') return negotiated;
      throw new Error('the server takes this key only with SHA-1 signatures');
  }
}

function sameKey(a: ParsedKey, b: ParsedKey): boolean {
  return sameBytes(a, b.getPublicSSH());
}

function sameBytes(a: ParsedKey, bytes: Buffer): boolean {
  return a.getPublicSSH().equals(bytes);
}

function describe(key: ParsedKey): string {
  return `${key.type} ${keyFingerprint(key.getPublicSSH())}`;
}

/** Why a key file that the user named cannot serve; undefined when it can. */
export function namedKeyProblem(
  host: string,
  keyFile: KeyFile,
  agentSocket: string | undefined,
): NetorchError | undefined {
  switch (keyFile.kind) {
    case 'key':
      return undefined;
    case 'missing':
      return new NetorchError(
        'AUTH_FAILED',
        `${host}: the private key ${keyFile.file} does not exist`,
        { notes: ['it is named by ansible_ssh_private_key_file'] },
      );
    case 'unreadable':
      return new NetorchError(
        'AUTH_FAILED',
        `${host}: the private key ${keyFile.file} ${keyFile.reason}`,
      );
    case 'public':
      return new NetorchError(
        'AUTH_FAILED',
        `${host}: the private key ${keyFile.file} is a public key: name the private one`,
      );
    case 'fido':
      if (agentSocket !== undefined) return undefined;
      return new NetorchError(
        'AUTH_FAILED',
        `${host}: the private key ${keyFile.file} is in a security key, which ssh2 cannot use`,
        { notes: ['set netorch_transport: openssh, or hand the key to an agent with ssh-add'] },
      );
    case 'encrypted':
      if (agentSocket !== undefined && keyFile.publicKey !== undefined) return undefined;
      return new NetorchError(
        'AUTH_FAILED',
        `${host}: the private key ${keyFile.file} is encrypted with a passphrase`,
        {
          notes: [
            keyFile.isWrongPassphrase
              ? 'the right passphrase was not given'
              : 'nobody can be asked for it: run netorch on a terminal, or hand the key to an agent with ssh-add',
          ],
        },
      );
  }
}

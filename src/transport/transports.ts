import { access } from 'node:fs/promises';
import { NetorchError } from '../errors.js';
import { BeyondSsh2Error } from './beyond-ssh2-error.js';
import type { ConnectionTarget, Transport } from './transport.js';

type TransportOptions = Readonly<{
  handshakes?: number;
  /** Key file → passphrase (ask-passphrases.ts). */
  passphrases?: ReadonlyMap<string, string>;
  /** Default: the process's own. */
  env?: Readonly<Record<string, string | undefined>>;
  /** What the user should know about how a host is reached; the same text comes once. */
  onNote?: (text: string) => void;
}>;

/**
 * One transport for all hosts of a run: ssh2, the system's ssh or local, by the target. Each is loaded
 * when the first host needs it, so that commands that dial nobody start fast.
 */
export function createTransport(options: TransportOptions = {}): Transport {
  let ssh2: Promise<Transport> | undefined;
  let openssh: Promise<Transport> | undefined;
  let local: Promise<Transport> | undefined;
  const loadSsh2 = () =>
    (ssh2 ??= import('./ssh2-transport.js').then((m) => m.createSsh2Transport(options)));
  const loadOpenssh = () =>
    (openssh ??= import('./openssh-transport.js').then((m) => m.createOpensshTransport(options)));
  const loadLocal = () =>
    (local ??= import('./local-transport.js').then((m) => m.createLocalTransport()));

  const said = new Set<string>();
  const note = (text: string) => {
    if (said.has(text)) return;
    said.add(text);
    options.onNote?.(text);
  };
  const reasonOfKey = createKeyReasons();
  /** Servers that ssh2 cannot speak to: found out once, or every confirm would be a login in vain. */
  const beyondSsh2 = new Map<string, string>();

  async function connectBySsh(...[target, connectOptions]: Parameters<Transport['connect']>) {
    const server = JSON.stringify([target.host, target.port]);
    const mode = target.transport ?? 'auto';
    if (mode === 'openssh') return (await loadOpenssh()).connect(target, connectOptions);
    if (mode === 'ssh2') return (await loadSsh2()).connect(target, connectOptions);

    const reason =
      target.openssh?.reason ?? beyondSsh2.get(server) ?? (await reasonOfKeys(target, reasonOfKey));
    if (reason !== undefined) {
      note(`${target.host}: goes through the system's ssh: ${reason}`);
      return (await loadOpenssh()).connect(target, connectOptions);
    }
    try {
      return await (await loadSsh2()).connect(target, connectOptions);
    } catch (error) {
      if (!(error instanceof BeyondSsh2Error)) throw error;
      note(`${target.host}: goes through the system's ssh: ${error.reason}`);
      try {
        const connection = await (await loadOpenssh()).connect(target, connectOptions);
        beyondSsh2.set(server, error.reason);
        return connection;
      } catch (second) {
        if (!(second instanceof NetorchError)) throw second;
        throw new NetorchError(second.code, second.message, {
          notes: [...second.notes, `tried before: ${error.message}`],
          cause: second,
        });
      }
    }
  }

  return {
    async connect(target, connectOptions) {
      for (const text of target.notes ?? []) note(text);
      switch (target.kind) {
        case 'ssh':
          return connectBySsh(target, connectOptions);
        case 'local':
          return (await loadLocal()).connect(target, connectOptions);
      }
    },
  };
}

/** Of the keys that were named: the first that ssh2 cannot use. */
async function reasonOfKeys(
  target: ConnectionTarget,
  reasonOfKey: (file: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const named =
    target.privateKeyFile === undefined ? (target.identityFiles ?? []) : [target.privateKeyFile];
  for (const file of named) {
    const reason = await reasonOfKey(file);
    if (reason !== undefined) return reason;
  }
  return target.jump === undefined ? undefined : reasonOfKeys(target.jump, reasonOfKey);
}

/** Why ssh2 cannot use a key: it has a certificate, or it is in a security key. Each file is read once. */
function createKeyReasons(): (file: string) => Promise<string | undefined> {
  const known = new Map<string, Promise<string | undefined>>();
  const read = async (file: string) => {
    const hasCertificate = await access(`${file}-cert.pub`).then(
      () => true,
      () => false,
    );
    if (hasCertificate) return `${file} has a certificate`;
    const { readKeyFile } = await import('./login-keys.js');
    const keyFile = await readKeyFile(file, undefined);
    return keyFile.kind === 'fido' ? `${file} is in a security key` : undefined;
  };
  return (file) => {
    const reason = known.get(file) ?? read(file);
    known.set(file, reason);
    return reason;
  };
}

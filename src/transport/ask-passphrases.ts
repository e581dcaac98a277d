import { NetorchError } from '../errors.js';
import { LoginKeys, readKeyFile } from './login-keys.js';
import type { KeyFile } from './login-keys.js';
import { agentSocketOf, keyFilesOf } from './login.js';
import type { ConnectionTarget } from './transport.js';

/** Asks for a secret without echo; undefined: there is nobody to ask. */
export type AskSecret = (question: string) => Promise<string | undefined>;

const TRIES = 3;

/**
 * Asks once for each encrypted key that a login may need and no ssh-agent holds, before any host is
 * dialled: a question in the middle of a run would come too late, or into the screen. Returns key file →
 * passphrase. Rejects with AUTH_FAILED for a wrong one.
 */
export async function askPassphrases(
  targets: readonly ConnectionTarget[],
  env: Readonly<Record<string, string | undefined>>,
  ask: AskSecret,
): Promise<ReadonlyMap<string, string>> {
  const passphrases = new Map<string, string>();
  const seen = new Map<string, Promise<KeyFile>>();
  const read = (file: string) => {
    const known = seen.get(file) ?? readKeyFile(file, undefined);
    seen.set(file, known);
    return known;
  };
  const asked = new Set<string>();
  for (const target of targets.flatMap(withJumpHosts)) {
    if (target.kind !== 'ssh' || target.transport === 'openssh') continue;
    for (const file of await wantedFiles(target, env)) {
      const agentSocket = agentSocketOf(target, env);
      if (asked.has(`${file} ${agentSocket}`)) continue;
      asked.add(`${file} ${agentSocket}`);
      const keyFile = await read(file);
      if (keyFile.kind !== 'encrypted' || passphrases.has(file)) continue;
      if (await agentHolds(agentSocket, keyFile.publicKey)) continue;
      const passphrase = await askFor(file, ask);
      if (passphrase !== undefined) passphrases.set(file, passphrase);
    }
  }
  return passphrases;
}

function withJumpHosts(target: ConnectionTarget): readonly ConnectionTarget[] {
  return target.jump === undefined ? [target] : [target, ...withJumpHosts(target.jump)];
}

/** A key that merely lies in ~/.ssh is not asked for where there is a password. */
async function wantedFiles(
  target: ConnectionTarget,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  if (target.privateKeyFile !== undefined) return [target.privateKeyFile];
  return target.password === undefined ? keyFilesOf(target, env) : [];
}

async function askFor(file: string, ask: AskSecret): Promise<string | undefined> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const passphrase = await ask(
      `${attempt === 1 ? '' : 'That was not it. '}Passphrase for the key ${file} (empty: go on without it): `,
    );
    if (passphrase === undefined || passphrase === '') return undefined;
    const opened = await readKeyFile(file, passphrase);
    if (opened.kind === 'key') return passphrase;
  }
  throw new NetorchError('AUTH_FAILED', `the passphrase of ${file} was wrong ${TRIES} times`);
}

/** Without a public part nobody can tell: then the question is asked. */
async function agentHolds(
  agentSocket: string | undefined,
  publicKey: Buffer | undefined,
): Promise<boolean> {
  if (agentSocket === undefined || publicKey === undefined) return false;
  const keys = new LoginKeys({ files: [], agentSocket, onlyAgentKeys: [publicKey] });
  return new Promise((resolve) => {
    keys.getIdentities((_error, found) => resolve((found ?? []).length > 0));
  });
}

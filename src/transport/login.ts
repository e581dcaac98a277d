import type { AnyAuthMethod, Prompt } from 'ssh2';
import { LoginKeys, namedKeyProblem } from './login-keys.js';
import type { FileKey, KeyFile } from './login-keys.js';
import type { ConnectionTarget } from './transport.js';

/** The ways to log in at one host, in order, and what became of them. */
export type Login = Readonly<{
  /** ssh2's authHandler: the next method; false when there is none left. */
  next: (methodsLeft: readonly string[] | null | undefined) => AnyAuthMethod | false;
  /** Lines for the message of a refused login: what was tried, and what would be right. */
  report: (hadTooMany: boolean) => readonly string[];
}>;

const DEFAULT_KEY_FILES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * A key file that was named goes first, then the password; a password without a key file goes before
 * the keys that merely happen to be there. Rejects with AUTH_FAILED when a named key cannot be used.
 */
export async function authenticationMethods(
  target: ConnectionTarget,
  env: Readonly<Record<string, string | undefined>>,
  readKeyFile: (file: string) => Promise<KeyFile>,
): Promise<Login> {
  const { user: username, password, privateKeyFile } = target;
  const agentSocket = agentSocketOf(target, env);
  const unused: string[] = [];
  const keys = await loginKeys(target, env, agentSocket, readKeyFile, unused);

  const byKey: AnyAuthMethod = { type: 'agent', username, agent: keys };
  const byPassword: AnyAuthMethod[] =
    password === undefined
      ? []
      : [
          { type: 'password', username, password },
          {
            type: 'keyboard-interactive',
            username,
            prompt: (_name, _instructions, _language, prompts: Prompt[], answer) =>
              answer(prompts.map(() => password)),
          },
        ];
  const methods = privateKeyFile === undefined ? [...byPassword, byKey] : [byKey, ...byPassword];

  let index = 0;
  let offersPassword = false;
  let accepted: readonly string[] | undefined;

  return {
    next(methodsLeft) {
      if (methodsLeft != null) accepted = methodsLeft;
      for (;;) {
        const method = methods[index++];
        if (method === undefined) {
          // ssh2 keeps the answers to a key to itself: one last question tells what the host takes.
          if (accepted !== undefined) return false;
          accepted = [];
          return { type: 'none', username };
        }
        if (accepted !== undefined && !accepted.includes(wireName(method))) continue;
        if (method.type !== 'agent') offersPassword = true;
        return method;
      }
    },
    report(hadTooMany) {
      const tried = [...keys.offered, ...(offersPassword ? ['the password'] : [])];
      return [
        tried.length === 0
          ? 'there was nothing to log in with: no key file, no ssh-agent, no password'
          : `tried: ${tried.join(', ')}`,
        ...(accepted === undefined || accepted.length === 0
          ? []
          : [`the host accepts: ${accepted.join(', ')}`]),
        ...unused,
        ...(keys.agentProblem === undefined
          ? []
          : [`the ssh-agent (SSH_AUTH_SOCK) does not answer: ${keys.agentProblem}`]),
        hadTooMany
          ? 'the host cut off the login after too many tries: name the right key with ansible_ssh_private_key_file'
          : `add the public key to ~/.ssh/authorized_keys of "${username}" on the host, or set ansible_user, ansible_ssh_private_key_file or ansible_password`,
      ];
    },
  };
}

/** The socket of the agent that is asked for keys. */
export function agentSocketOf(
  { identityAgent }: ConnectionTarget,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (identityAgent !== undefined) return identityAgent === 'none' ? undefined : identityAgent;
  return env['SSH_AUTH_SOCK'] === '' ? undefined : env['SSH_AUTH_SOCK'];
}

/** The key files that may be tried, when none is named by a variable. */
export function keyFilesOf(
  { identityFiles }: ConnectionTarget,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const home = env['HOME'];
  return (
    identityFiles ??
    (home === undefined ? [] : DEFAULT_KEY_FILES.map((name) => `${home}/.ssh/${name}`))
  );
}

/** The name of a method in the SSH protocol (RFC 4252): an agent is a way to sign, not a method. */
function wireName(method: AnyAuthMethod): string {
  return method.type === 'agent' ? 'publickey' : method.type;
}

async function loginKeys(
  target: ConnectionTarget,
  env: Readonly<Record<string, string | undefined>>,
  agentSocket: string | undefined,
  readKeyFile: (file: string) => Promise<KeyFile>,
  unused: string[],
): Promise<LoginKeys> {
  if (target.privateKeyFile !== undefined) {
    const keyFile = await readKeyFile(target.privateKeyFile);
    const problem = namedKeyProblem(target.host, keyFile, agentSocket);
    if (problem !== undefined) throw problem;
    if (keyFile.kind === 'key') {
      return new LoginKeys({
        files: [keyFile.key],
        agentSocket: undefined,
        onlyAgentKeys: undefined,
      });
    }
    const publicKey = 'publicKey' in keyFile ? keyFile.publicKey : undefined;
    unused.push(
      `${target.privateKeyFile} is ${keyFile.kind === 'fido' ? 'in a security key' : 'encrypted'}: only its copy in the ssh-agent can be used`,
    );
    return new LoginKeys({
      files: [],
      agentSocket,
      onlyAgentKeys: publicKey === undefined ? [] : [publicKey],
    });
  }

  const files: FileKey[] = [];
  const publicKeys: Buffer[] = [];
  for (const name of keyFilesOf(target, env)) {
    const keyFile = await readKeyFile(name);
    switch (keyFile.kind) {
      case 'key':
        files.push(keyFile.key);
        publicKeys.push(keyFile.key.publicKey.getPublicSSH());
        break;
      case 'encrypted':
        if (keyFile.publicKey !== undefined) publicKeys.push(keyFile.publicKey);
        unused.push(
          keyFile.isWrongPassphrase
            ? `${keyFile.file} is encrypted, and the passphrase was not given`
            : `${keyFile.file} is encrypted: use it through ssh-add, or run netorch on a terminal`,
        );
        break;
      case 'public':
        // The private part is in the agent, where the key may be named by its public file.
        publicKeys.push(keyFile.publicKey);
        break;
      case 'fido':
        publicKeys.push(keyFile.publicKey);
        unused.push(`${keyFile.file} is in a security key: use it through ssh-add`);
        break;
      case 'unreadable':
        unused.push(`${keyFile.file} ${keyFile.reason}`);
        break;
      case 'missing':
        if (target.identityFiles !== undefined) unused.push(`${keyFile.file} does not exist`);
        break;
    }
  }
  return new LoginKeys({
    files,
    agentSocket,
    preferredAgentKeys: target.identityFiles === undefined ? [] : publicKeys,
    onlyAgentKeys: target.identitiesOnly === true ? publicKeys : undefined,
  });
}

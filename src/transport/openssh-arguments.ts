/** How the system's ssh is called for a target. Pure. */
import { quoteSh } from '../quote-sh.js';
import type { ConnectionTarget } from './transport.js';

/** Files of one connection, in a folder that only the user can read. */
export type OpensshFiles = Readonly<{
  /** Prints no keys, and writes down the one that the server presents. */
  recordScript: string;
  /** Holds the one key that is expected. */
  knownHosts: string;
  log: string;
}>;

/**
 * Everything but how connections are shared, the destination and the command. The first value of an
 * option wins with ssh, so what must hold comes first and the user's own arguments last.
 */
export function opensshArguments(
  target: ConnectionTarget,
  address: string,
  files: OpensshFiles,
  expectedHostKey: string | undefined,
): string[] {
  const { openssh } = target;
  return [
    '-T',
    ...['-E', files.log],
    ...options({
      LogLevel: 'INFO',
      EscapeChar: 'none',
      RemoteCommand: 'none',
      PermitLocalCommand: 'no',
      ClearAllForwardings: 'yes',
      ForwardX11: 'no',
      UpdateHostKeys: 'no',
      ...(target.password === undefined ? { BatchMode: 'yes' } : { NumberOfPasswordPrompts: '1' }),
      ...(expectedHostKey === undefined
        ? ownHostKeyCheck(target, files.recordScript)
        : expectedKeyOnly(expectedHostKey, files.knownHosts)),
      HostName: escapePercent(address),
      ServerAliveInterval: String(
        Math.max(1, Math.round((target.keepalive?.intervalMs ?? 3000) / 1000)),
      ),
      ServerAliveCountMax: String(target.keepalive?.count ?? 3),
      ConnectTimeout: String(Math.max(1, Math.ceil(target.connectTimeoutMs / 1000))),
    }),
    ...loginArguments(target),
    ...(openssh === undefined
      ? ['-F', 'none', ...identityArguments(target), ...proxyArguments(target)]
      : openssh.arguments),
  ];
}

/** What ssh is told as the host: its configuration is looked up by it. */
export function opensshDestination(target: ConnectionTarget, address: string): string {
  return target.openssh?.destination ?? address;
}

/** The known_hosts line for the one key that is expected, whatever the server is called. */
export function expectedKeyLine(expectedHostKey: string): string {
  return `* ${expectedHostKey}\n`;
}

function options(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

function ownHostKeyCheck(target: ConnectionTarget, recordScript: string): Record<string, string> {
  const { hostKeyChecking, hostKeyAlias } = target;
  const checking = { strict: 'yes', 'accept-new': 'accept-new', off: 'no' }[hostKeyChecking];
  return {
    StrictHostKeyChecking: checking,
    ...knownHosts(target.knownHostsFiles),
    // %I: what the command is asked for; %t and %K: the key that the server presents.
    KnownHostsCommand: `/bin/sh ${recordScript} %I %t %K`,
    ...(hostKeyAlias === undefined ? {} : { HostKeyAlias: hostKeyAlias }),
  };
}

function knownHosts(files: readonly string[]): Record<string, string> {
  const quoted = files.map((file) => `"${escapePercent(file)}"`).join(' ');
  return {
    UserKnownHostsFile: quoted === '' ? '/dev/null' : quoted,
    GlobalKnownHostsFile: '/dev/null',
  };
}

/** No certificate either: the key of the first connection was kept without it. */
function expectedKeyOnly(expectedHostKey: string, file: string): Record<string, string> {
  const [type = ''] = expectedHostKey.split(' ');
  return {
    StrictHostKeyChecking: 'yes',
    ...knownHosts([file]),
    KnownHostsCommand: 'none',
    HostKeyAlgorithms: type === 'ssh-rsa' ? 'rsa-sha2-512,rsa-sha2-256' : type,
  };
}

function loginArguments({ port, user, privateKeyFile }: ConnectionTarget): string[] {
  return [
    ...['-p', String(port)],
    ...['-l', user],
    ...(privateKeyFile === undefined ? [] : ['-i', privateKeyFile, '-o', 'IdentitiesOnly=yes']),
  ];
}

function identityArguments({ identityFiles, identitiesOnly, identityAgent }: ConnectionTarget) {
  return [
    ...(identityFiles ?? []).flatMap((file) => ['-i', file]),
    ...(identitiesOnly === true ? ['-o', 'IdentitiesOnly=yes'] : []),
    ...(identityAgent === undefined ? [] : ['-o', `IdentityAgent=${escapePercent(identityAgent)}`]),
  ];
}

function proxyArguments(target: ConnectionTarget): string[] {
  const { jump, proxyCommand } = target;
  if (jump !== undefined) return ['-o', `ProxyCommand=${jumpCommand(jump)}`];
  return ['-o', `ProxyCommand=${proxyCommand ?? 'none'}`];
}

/** What ssh itself does for ProxyJump, with values that are known already. */
function jumpCommand(jump: ConnectionTarget): string {
  const words = [
    'ssh',
    ...['-F', 'none'],
    ...options({
      BatchMode: 'yes',
      StrictHostKeyChecking: jump.hostKeyChecking === 'off' ? 'no' : 'yes',
      ...knownHosts(jump.knownHostsFiles),
    }),
    ...loginArguments(jump),
    ...identityArguments(jump),
    ...proxyArguments(jump),
  ].map((word) => escapePercent(quoteSh(word)));
  // ssh puts an exec before it.
  return [...words, '-W', "'[%h]:%p'", escapePercent(quoteSh(jump.address))].join(' ');
}

function escapePercent(text: string): string {
  return text.replaceAll('%', '%%');
}

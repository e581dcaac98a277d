/**
 * How netorch speaks to a host: connect, run a command with input, close. Two implementations stand
 * behind it (ssh2, local); the executor knows only this interface.
 */

/** Where and as whom to log in; made from inventory variables by connection-options.ts. */
export type ConnectionTarget = Readonly<{
  /** The inventory name: the host's identity. */
  host: string;
  address: string;
  port: number;
  user: string;
  /** undefined: keys of the agent and the default files. */
  privateKeyFile: string | undefined;
  password: string | undefined;
  /** A shell command whose standard input and output are the connection (%h and %p already filled in by the transport). */
  proxyCommand: string | undefined;
  /** Files in OpenSSH's known_hosts format, in order. */
  knownHostsFiles: readonly string[];
  hostKeyChecking: 'strict' | 'accept-new' | 'off';
  connectTimeoutMs: number;
  become: Become | undefined;
  kind: 'ssh' | 'local';
}>;

export type Become = Readonly<{
  method: 'sudo' | 'su' | 'doas';
  user: string;
  password: string | undefined;
}>;

export type ExecResult = Readonly<{
  /** undefined when a signal ended the command. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}>;

export type ExecOptions = Readonly<{
  input?: string;
  /**
   * Rejects with CONNECTION_LOST at once; the connection goes on. On the host the command loses its
   * pipes (and gets SIGTERM where sshd passes that on): one that ignores both runs to its end.
   */
  signal?: AbortSignal;
  /** Default 120 s. A command that does not end in time costs the whole connection. */
  timeoutMs?: number;
  /** Called with each complete line of standard output as it arrives (without its newline). */
  onLine?: (line: string) => void;
  /** Standard output beyond this many bytes ends the command with an error. Default 64 MiB. */
  maxOutputBytes?: number;
}>;

export interface Connection {
  /** The presented host key: `type base64` as in known_hosts; the same on every connection to one host. */
  readonly hostKey: string;
  /** The address dialled. */
  readonly address: string;
  /**
   * Runs `command` through the login shell, as root when `become` asks for it. Never rejects for an
   * exit code. Rejects with NetorchError CONNECTION_LOST (cut, timed out or aborted), BECOME_FAILED
   * (nothing of the command ran) or AGENT_PROTOCOL (too much output).
   */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** Closes at once; pending execs reject with CONNECTION_LOST. Safe to call twice. */
  close(): void;
  /** Settles when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
}

export type ConnectOptions = Readonly<{
  signal?: AbortSignal;
  /** Dial this address instead of the target's (a re-IP). The host key must then equal `expectedHostKey`. */
  address?: string;
  /** The very key of an earlier connection; replaces the known_hosts check. */
  expectedHostKey?: string;
}>;

export interface Transport {
  /**
   * A NEW connection each time, never a shared one. Rejects with NetorchError HOST_UNREACHABLE,
   * AUTH_FAILED, HOST_KEY_UNKNOWN or HOST_KEY_MISMATCH.
   */
  connect(target: ConnectionTarget, options?: ConnectOptions): Promise<Connection>;
}

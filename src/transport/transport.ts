/**
 * How netorch speaks to a host: connect, run a command with input, close. Three implementations stand
 * behind it (ssh2, the system's ssh, local); the executor knows only this interface.
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
  /**
   * Key files to try, in order; those that do not exist are passed over. Without any, the default
   * files. Not looked at when `privateKeyFile` is set.
   */
  identityFiles?: readonly string[] | undefined;
  /** Of the agent only keys that are named by a file. */
  identitiesOnly?: boolean | undefined;
  /** The agent's socket, or `none`; undefined: SSH_AUTH_SOCK. */
  identityAgent?: string | undefined;
  /** The name under which known_hosts keeps the key, in place of address and port. */
  hostKeyAlias?: string | undefined;
  /** The host through which this one is reached; it may have one of its own. */
  jump?: ConnectionTarget | undefined;
  /** Default: every 3 s, given up after 3 without an answer. */
  keepalive?: Readonly<{ intervalMs: number; count: number }> | undefined;
  /** Which transport carries SSH; `auto` takes the system's ssh where ssh2 cannot do it. */
  transport?: 'auto' | 'ssh2' | 'openssh' | undefined;
  /** How the system's ssh is called; undefined: by the values above alone. */
  openssh?: OpensshCall | undefined;
  /** What the user should know about how this host is reached. */
  notes?: readonly string[] | undefined;
}>;

export type OpensshCall = Readonly<{
  /** The host as ssh is told it: its configuration is looked up by this name. */
  destination: string;
  /** Arguments before it, as the user wrote them (`-F`, `-o …`). */
  arguments: readonly string[];
  /** Why only the system's ssh will do; undefined: nothing is known that would ask for it. */
  reason: string | undefined;
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
  /** Standard output was longer than wanted, and its end was dropped. */
  isCut?: boolean;
}>;

export type ExecOptions = Readonly<{
  input?: string;
  /**
   * Sent after `input` as it comes; the command's input stays open until it ends, so that a command which is to live as
   * long as this end does notices when this end is gone. Whoever gives it ends it, also when the command ends before.
   */
  moreInput?: AsyncIterable<string>;
  /**
   * Rejects with CONNECTION_LOST at once; the connection goes on. On the host the command loses its
   * pipes (and gets SIGTERM where sshd passes that on): one that ignores both runs to its end.
   */
  signal?: AbortSignal;
  /** Default 120 s; Infinity: none. A command that does not end in time costs the whole connection. */
  timeoutMs?: number;
  /** Called with each complete line of standard output as it arrives (without its newline). */
  onLine?: (line: string) => void;
  /** Standard output beyond this many bytes ends the command with an error. Default 64 MiB. */
  maxOutputBytes?: number;
  /** What goes beyond `maxOutputBytes` is dropped instead, and the command goes on to its end. */
  dropsExcess?: boolean;
  /**
   * Standard output is only handed over, line by line, and not kept, however much it is: for commands that run for
   * hours. Of a line that is too long the end is dropped.
   */
  onlyLines?: boolean;
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

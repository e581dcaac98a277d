/** What one observation of a host yields; made by reading.ts, used by the planner and the executor. */
import type { NetworkManagerState } from '../network/networkmanager.js';
import type { OwnedObject } from '../network/owned.js';
import type { NetworkState, Route } from '../network/state.js';
import type { DhcpTool } from '../plan/change.js';
import type { Persistence } from './persistence.js';

/** A transaction found on the host; `ageSeconds` and `secondsLeft` by the host's own clock. */
export type OpenTransaction = Readonly<{
  transaction: string;
  state: string;
  ageSeconds: number;
  secondsLeft: number;
  owner: string;
  /** For open ones: somebody on the host is there to end it at its deadline. */
  isGuarded?: boolean;
}>;

/** The SSH connection as the host sees it (sshd's SSH_CONNECTION). */
export type SshConnection = Readonly<{
  clientAddress: string;
  serverAddress: string;
  serverPort: number;
}>;

export type ObservedHost = Readonly<{
  state: NetworkState;
  /** Canonical lines of everything on the host (canonical.ts). */
  lines: readonly string[];
  bootId: string;
  isRoot: boolean;
  hasSystemd: boolean;
  tools: ReadonlySet<string>;
  ipVersion: string;
  kernel: string;
  ssh: SshConnection | undefined;
  transactions: readonly OpenTransaction[];
  /** The host's record of what netorch made. */
  owned: readonly OwnedObject[];
  /** Routes of routing daemons (BGP, OSPF …): theirs, and no part of the state. */
  daemonRoutes: readonly Route[];
  /** The raw /etc/resolv.conf, to be put back byte by byte. */
  resolvConf: string;
  /** DHCP clients that are installed, in the order of preference. */
  dhcpClients: readonly DhcpTool[];
  /** What NetworkManager holds; undefined: it does not run there. */
  networkManager?: NetworkManagerState;
  /** systemd-resolved answers for this host (its stub is in resolv.conf). */
  resolvedOwnsDns: boolean;
  /** Interfaces that ifupdown will configure again at boot. */
  bootConfigured: ReadonlySet<string>;
  persistence: Persistence;
  /** What else configures interfaces at boot (boot-owners.ts). */
  bootOwnerLines: readonly string[];
}>;

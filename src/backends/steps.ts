/** What a backend makes of a change plan: command lines in segments, each line knowing its change. */

export type StepLine = Readonly<{
  /** One line of a batch, or `PATH VALUE` for a write. */
  text: string;
  /** The `id` of the change it belongs to. */
  change: string;
}>;

/** Lines that one process (or none, for writes) carries out in one go, in order. */
export type Segment = Readonly<{
  tool: 'ip' | 'ip6' | 'bridge' | 'write' | 'dns' | 'sh';
  lines: readonly StepLine[];
}>;

/** Everything the host needs for the way there and the way back; files of the transaction's folder. */
export type BackendScripts = Readonly<{
  segments: readonly Segment[];
  /** apply.sh: sourced by the runner; returns non-zero at the first failing segment, whose number is in S. */
  apply: string;
  /** restore.sh: what the way back needs to know as variables, and the functions of its DHCP clients. */
  restore: string;
  /** How each link comes back (link-recipes.ts). */
  links: readonly string[];
  /** Lines that come back together (line-groups.ts). */
  groups: readonly string[];
  /** The sections of the readings that the comparison needs; the fewer, the fewer processes. */
  reads: readonly string[];
  /** Interfaces whose sysctls the comparison needs. */
  sysctlsOf: readonly string[];
  /** Canonical lines of everything in scope as it was. */
  baseline: readonly string[];
  /** One per baseline line: how to bring it back. */
  recipes: readonly string[];
  /** Extended regular expressions of canonical lines that must not be there before, nor after a rollback. */
  absent: readonly string[];
  /** `ip -batch` lines that take away what the plan adds besides links. */
  removals: readonly string[];
  /** The same for `ip -6 -batch`: rules have no family of their own in a batch line. */
  removals6: readonly string[];
  /** ERE for the "addr" lines whose owners announce their addresses. */
  /** Leases of DHCP clients that the plan ends, for dhcp_put_leases in dhcp.sh. */
  leases: readonly string[];
  /** `ip -batch` lines: the routes that came with them. */
  leaseRoutes: readonly string[];
  scopeDevices: string;
  modules: readonly string[];
  /** What nm.sh needs to know, where NetworkManager carries the change out. */
  networkManager?: Readonly<{
    /** Its devices in scope: those of the checkpoint. */
    devices: readonly string[];
    /** UUIDs of the profiles that are made or changed. */
    profiles: readonly string[];
    /** `UUID INTERFACE`: what must be active in the end. */
    active: readonly string[];
    /** The same profiles as `UUID INTERFACE`, and `removed` after it where the interface goes. */
    changed: readonly string[];
  }>;
}>;

const TOOL_WORDS: Readonly<Record<Segment['tool'], string>> = {
  ip: 'ip ',
  ip6: 'ip -6 ',
  bridge: 'bridge ',
  write: 'write ',
  dns: 'dns ',
  sh: '',
};

/** The lines as a person would type them, in order. */
export function commandLines(segments: readonly Segment[]): readonly string[] {
  return segments.flatMap(({ tool, lines }) => lines.map(({ text }) => TOOL_WORDS[tool] + text));
}

/** What survives a reboot: the script that a boot runs, the acts on a host, and what a host says of them. */
import type { EnsureScripts } from '../backends/ensure.js';
import { parseRecord, recordText, type PersistRecord } from '../backends/persist-record.js';
import { quoteSh } from '../quote-sh.js';
import { agentScript, stdinScript, writeFilesFunction } from './bundle.js';
import { restoreFiles } from './restore-files.js';

/** What the last boot made of the persistent state (ensure.sh). */
export type BootReport = Readonly<{
  pass: string;
  good: boolean;
  /** NICs that were not there. */
  missingInterfaces: readonly string[];
  /** Canonical lines. */
  missing: readonly string[];
  surplus: readonly string[];
}>;

export type Persistence = Readonly<{
  /** What the next boot brings back; undefined: nothing of netorch's. */
  persistent: PersistRecord | undefined;
  /** What netorch has confirmed since the boot; undefined: nothing. */
  running: PersistRecord | undefined;
  boot: BootReport | undefined;
  profiles: ProfilePersistence;
}>;

/** What netorch has changed of the profiles of one interface. */
export type KeptProfile = Readonly<{
  interfaceName: string;
  /** The interface was taken away. */
  isRemoved: boolean;
}>;

/** Of NetworkManager's profiles, what netorch has changed. */
export type ProfilePersistence = Readonly<{
  /** In memory only. */
  temporary: readonly KeptProfile[];
  /** On disk. */
  persistent: readonly KeptProfile[];
  /** The transaction, or the command, that wrote to disk last. */
  by: string | undefined;
  /** An act was cut off: the next boot puts back what was on disk before it. */
  isUnfinished: boolean;
}>;

export const NO_PROFILES: ProfilePersistence = {
  temporary: [],
  persistent: [],
  by: undefined,
  isUnfinished: false,
};

/** The section "persistence" of an observation. What is no record counts as none. */
export function parsePersistence(lines: readonly string[]): Persistence {
  const after = (key: string) =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const persistent = parseRecord(after('persistent')[0] ?? '');
  const running = after('running')[0] ?? '';
  const boot = after('boot');
  const inBoot = (key: string) =>
    boot.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const result = inBoot('result')[0];
  const profilesIn = (key: string): readonly KeptProfile[] =>
    after(key).map((text) => {
      const [interfaceName = '', removed] = text.split(' ');
      return { interfaceName, isRemoved: removed === 'removed' };
    });
  return {
    persistent,
    running: running === 'same' ? persistent : parseRecord(running),
    profiles: {
      temporary: profilesIn('temporary-profile'),
      persistent: profilesIn('persistent-profile'),
      by: after('profiles-by')[0],
      isUnfinished: lines.includes('profiles-unfinished'),
    },
    boot:
      result === undefined
        ? undefined
        : {
            pass: inBoot('pass')[0]?.split(' ')[0] ?? '',
            good: result === 'good',
            missingInterfaces: inBoot('missing'),
            missing: inBoot('difference missing'),
            surplus: inBoot('difference surplus'),
          },
  };
}

export type BootScriptInput = Readonly<{
  record: PersistRecord;
  scripts: EnsureScripts;
  /** NICs to wait for. */
  nics: readonly string[];
  /** The raw resolv.conf as it is to be. */
  resolvConf: string;
}>;

/**
 * The one file that a boot runs, and that holds all it needs. It consists of definitions but for its last
 * line: one that was cut short does nothing.
 */
export function bootScript({ record, scripts, nics, resolvConf }: BootScriptInput): string {
  const files: Record<string, string> = {
    ...restoreFiles(scripts, resolvConf),
    leases: '',
    'lease-routes': '',
    ...(scripts.restore.includes('udhcpc') ? { 'udhcpc.sh': agentScript('udhcpc') } : {}),
  };
  return `${[
    '# Written by netorch; its next change replaces it. Take it away with: netorch unpersist',
    // The second line is read by observe.sh.
    `#@record ${recordText(record)}`,
    'LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'export LC_ALL PATH',
    'umask 077',
    agentScript('modules').trimEnd(),
    agentScript('ensure').trimEnd(),
    writeFilesFunction('write_files', files),
    `NICS=${quoteSh(nics.join(' '))}`,
    `MODULES=${quoteSh(scripts.modules.join(' '))}`,
    'ensure "${1:-boot}"',
  ].join('\n')}\n`;
}

/** Files of a transaction's folder that go with "confirm". Without a boot script the change is temporary. */
export type PersistFiles = Readonly<{ record: PersistRecord; bootScript: string | undefined }>;

/**
 * Shell text that puts the files into the current folder, each whole or not at all: a confirmation may be
 * sent twice, while the first one is being carried out.
 */
export function keepFiles({ record, bootScript: script }: PersistFiles): string {
  const files: Record<string, string> = {
    'record.new': `${recordText(record)}\n`,
    ...(script === undefined ? {} : { 'boot.sh.new': script }),
  };
  return [
    writeFilesFunction('keep_files', files),
    `if keep_files; then mv record.new record${script === undefined ? '' : ' && mv boot.sh.new boot.sh'}`,
    'else rm -f record.new boot.sh.new; fi 2>/dev/null',
  ].join('\n');
}

/** A folder beside the transactions': none of them, so nobody takes it for one. */
const ENTER = `{ mkdir -p /run/netorch/.persist && chmod 700 /run/netorch && cd /run/netorch/.persist; } || { echo 'persist failed /run/netorch cannot be written'; exit 0; }`;

/** Makes what runs persistent, outside of a transaction. Answers: see `parsePersisted`. */
export function persistScript(files: PersistFiles & Readonly<{ bootScript: string }>): string {
  return stdinScript(
    agentScript('readings'),
    agentScript('persist'),
    ENTER,
    'rm -f record boot.sh',
    keepFiles(files),
    'persist_here',
  );
}

const profileScripts = (): string =>
  [
    agentScript('persist'),
    agentScript('nm'),
    agentScript('nm-persist'),
    writeFilesFunction('put_back_file', { 'put-back.sh': agentScript('put-back') }),
  ].join('\n');

/** Writes the profiles to disk that are temporary so far, outside of a transaction. */
export function persistProfilesScript(): string {
  return stdinScript(profileScripts(), ENTER, 'put_back_file && nm_persist_here');
}

/** Takes away what a boot would bring back. What runs stays. */
export function unpersistScript(): string {
  return stdinScript(
    profileScripts(),
    ENTER,
    'if is_under_way; then echo "persist failed $why"',
    'elif put_back_file && nm_unpersist && unpersist; then echo persist removed; else echo "persist failed $why"; fi',
  );
}

export type Persisted =
  | Readonly<{ kind: 'persisted' | 'removed' | 'pending' }>
  | Readonly<{ kind: 'failed'; why: string }>;

/** The line `persist …` of an answer; undefined: there is none. */
export function parsePersisted(text: string): Persisted | undefined {
  const words = /^persist (.*)$/m.exec(text)?.[1]?.trim();
  if (words === undefined) return undefined;
  if (words === 'persisted' || words === 'removed' || words === 'pending') return { kind: words };
  const why = words.replace(/^failed ?/, '').trim();
  return { kind: 'failed', why: why === '' ? 'the host gave no reason' : why };
}

/** Scripts that begin, question and end one transaction on a host, and the answers made into values. */
import { NetorchError } from '../errors.js';
import type { BackendScripts } from '../backends/steps.js';
import type { OwnedDelta } from '../network/owned.js';
import { quoteSh } from '../quote-sh.js';
import {
  agentScript,
  fileOf,
  observeFunctions,
  stdinScript,
  writeFilesFunction,
} from './bundle.js';
import { diagnosisFile, type DiagnosisRequest } from './diagnosis-script.js';
import { keepFiles, parsePersisted, type Persisted, type PersistFiles } from './persistence.js';
import { restoreFiles } from './restore-files.js';

export type TransactionRequest = Readonly<{
  /** `YYYYMMDDTHHMMSS-random`: the order of names is the order of time. */
  id: string;
  /** A secret that only the owner of the transaction knows: confirm, extend and rollback must show it. */
  nonce: string;
  /** Who and from where, one line. */
  owner: string;
  secondsToDeadline: number;
  /** The latest that "extend" may move the deadline to, in seconds from begin. */
  maxSeconds: number;
  /** Reboot a host that is not what it was this many seconds after its way back, and heard of nobody. */
  lastResort?: Readonly<{ rebootSeconds: number; wayBackSeconds: number }> | undefined;
  scripts: BackendScripts;
  /** What the host looks at by itself when it is not confirmed until shortly before its deadline. */
  diagnosis?: DiagnosisRequest;
  /** The raw resolv.conf as observed. */
  resolvConf: string;
  /** What the record of netorch's own objects gains and loses when this is confirmed. */
  owned?: OwnedDelta;
  /** Nothing is to be made persistent; where iproute2 carries the change out, what is comes with the confirmation. */
  temporary?: boolean;
}>;

/** The files of the transaction's folder on the host, but for those that its processes write. */
export function transactionFiles(request: TransactionRequest): Readonly<Record<string, string>> {
  const { scripts, lastResort } = request;
  return {
    ...restoreFiles(scripts, request.resolvConf),
    'self-test.sh': agentScript('self-test'),
    'apply.sh': scripts.apply,
    leases: fileOf(scripts.leases),
    'lease-routes': fileOf(scripts.leaseRoutes),
    ...(scripts.apply.includes('udhcpc') ? { 'udhcpc.sh': agentScript('udhcpc') } : {}),
    nonce: `${request.nonce}\n`,
    ...(request.diagnosis === undefined ? {} : { 'diagnose.sh': diagnosisFile(request.diagnosis) }),
    ...(lastResort === undefined
      ? {}
      : { 'last-resort': `${lastResort.rebootSeconds} ${lastResort.wayBackSeconds}\n` }),
    ...networkManagerFiles(request),
    'owned.add': fileOf(request.owned?.add ?? []),
    'owned.drop': fileOf(request.owned?.drop ?? []),
  };
}

/** None, unless NetworkManager carries the change out. */
function networkManagerFiles({
  scripts: { networkManager },
  temporary,
}: TransactionRequest): Readonly<Record<string, string>> {
  if (networkManager === undefined) return {};
  return {
    'nm.sh': agentScript('nm') + agentScript('nm-persist'),
    'put-back.sh': agentScript('put-back'),
    'nm.devices': fileOf(networkManager.devices),
    'nm.profiles': fileOf(networkManager.profiles),
    'nm.active': fileOf(networkManager.active),
    'nm.changed': fileOf(networkManager.changed),
    ...(temporary === true ? {} : { 'nm.persist': '' }),
  };
}

/** The whole transaction as one script for standard input. */
export function beginScript(request: TransactionRequest): string {
  const { scripts } = request;
  return stdinScript(
    agentScript('readings'),
    agentScript('modules'),
    agentScript('begin'),
    writeFilesFunction('write_files', transactionFiles(request)),
    `TX=${quoteSh(request.id)}`,
    `OWNER=${quoteSh(request.owner)}`,
    `SECONDS_TO_DEADLINE=${request.secondsToDeadline}`,
    `MAX_SECONDS=${request.maxSeconds}`,
    `READ=${quoteSh(scripts.reads.join(' '))}`,
    `SYSCTL_OF=${quoteSh(scripts.sysctlsOf.join(' '))}`,
    `MODULES=${quoteSh(scripts.modules.join(' '))}`,
    'begin',
  );
}

function verbScript(
  id: string,
  nonce: string | undefined,
  words: readonly string[],
  before: readonly string[] = [],
): string {
  const folder = `/run/netorch/${id}`;
  return [
    `if [ ! -e ${quoteSh(`${folder}/runtime.sh`)} ]; then echo gone`,
    ...(nonce === undefined
      ? []
      : [
          `elif [ "$(cat ${quoteSh(`${folder}/nonce`)})" != ${quoteSh(nonce)} ]; then echo 'refused nonce'`,
        ]),
    'else',
    ...before,
    `NETORCH_DIR=${quoteSh(folder)} sh ${quoteSh(`${folder}/runtime.sh`)} ${words.map(quoteSh).join(' ')}`,
    'fi',
  ].join('\n');
}

/**
 * Without a nonce: for a run that goes on with a dead one's transaction, and is root there.
 * `files`: the record of what runs then, and what the next boot is to make of it.
 */
export const confirmScript = (id: string, nonce: string | undefined, files?: PersistFiles) =>
  stdinScript(
    verbScript(
      id,
      nonce,
      ['confirm'],
      files === undefined ? [] : [`cd ${quoteSh(`/run/netorch/${id}`)}`, keepFiles(files)],
    ),
  );
/** Moves the deadline to `seconds` from now, but never beyond the maximum announced at begin. */
export const extendScript = (id: string, nonce: string | undefined, seconds: number) =>
  stdinScript(verbScript(id, nonce, ['extend', String(Math.ceil(seconds))]));
export const rollbackScript = (id: string, nonce: string | undefined, cause: string) =>
  stdinScript(verbScript(id, nonce, ['request-rollback', cause]));
/** For the transaction of a run that is gone, and its secret with it. */
export const foreignRollbackScript = (id: string, cause: string) =>
  stdinScript(verbScript(id, undefined, ['request-rollback', cause]));
export const statusScript = (id: string) => stdinScript(verbScript(id, undefined, ['status']));

/** The state of the transaction and a fresh observation in one exec: what a confirmation rests on. */
export function statusAndObserveScript(id: string): string {
  return stdinScript(
    agentScript('readings'),
    observeFunctions(),
    'echo @status',
    verbScript(id, undefined, ['status']),
    'echo @end-status',
    'observe',
  );
}

/** Only the open transactions of a host, and its clock. */
export function transactionsScript(): string {
  return stdinScript(
    observeFunctions(),
    'read -r up _ </proc/uptime',
    'echo "uptime $up"',
    'echo "user $(id -u)"',
    'transactions',
    'persistence',
  );
}

export type TransactionState =
  | 'new'
  | 'armed'
  | 'applying'
  | 'applied'
  | 'confirmed'
  | 'rolling-back'
  | 'rolled-back'
  | 'incomplete'
  /** The host knows nothing of it: rebooted, or never begun. */
  | 'gone';

const STATES: readonly string[] = [
  'new',
  'armed',
  'applying',
  'applied',
  'confirmed',
  'rolling-back',
  'rolled-back',
  'incomplete',
];

export type TransactionStatus = Readonly<{
  state: TransactionState;
  /** Seconds until the deadline by the host's clock; negative when it has passed. */
  secondsLeft: number;
  cause: string | undefined;
  failure: readonly string[];
  differences: readonly string[];
  /** What the host saw shortly before its deadline; '' where it did not look. */
  evidence: string;
  /** undefined: the transaction is not to be made persistent, or is not confirmed. */
  persisted: Persisted | undefined;
}>;

/** The answer to `status`: `KEY VALUE` lines, or the single word "gone". */
export function parseStatus(host: string, text: readonly string[]): TransactionStatus {
  if (text.some((line) => line.trim() === 'gone')) {
    return {
      state: 'gone',
      secondsLeft: 0,
      cause: undefined,
      failure: [],
      differences: [],
      evidence: '',
      persisted: undefined,
    };
  }
  const valuesOf = (key: string) =>
    text.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const state = valuesOf('state')[0]?.trim() ?? '';
  if (!STATES.includes(state)) {
    throw new NetorchError(
      'AGENT_PROTOCOL',
      `${host}: the host's answer makes no sense: transaction state ${JSON.stringify(state)}`,
    );
  }
  const uptime = Number(valuesOf('uptime')[0] ?? '0');
  const deadline = Number(valuesOf('deadline')[0] ?? '0');
  return {
    state: state as TransactionState,
    secondsLeft: deadline - uptime,
    cause: valuesOf('cause')[0],
    failure: valuesOf('failure'),
    differences: valuesOf('difference'),
    evidence: valuesOf('evidence').join('\n'),
    persisted: parsePersisted(text.join('\n')),
  };
}

/** Seconds from now to the deadline as it was moved; undefined: it was too late, or refused. */
export function parseExtended(stdout: string): number | undefined {
  const [, until, now] = /^extended (\d+) (\d+)$/m.exec(stdout) ?? [];
  return until === undefined ? undefined : Number(until) - Number(now);
}

export type BeginEvent =
  | Readonly<{ kind: 'armed'; secondsLeft: number }>
  | Readonly<{ kind: 'applied' }>
  | Readonly<{ kind: 'failed'; segment: number }>
  | Readonly<{ kind: 'rolling-back'; cause: string }>
  | Readonly<{ kind: 'rolled-back'; verified: boolean }>
  | Readonly<{ kind: 'changed' }>
  | Readonly<{ kind: 'changed-line'; text: string }>
  | Readonly<{
      kind: 'busy';
      transaction: string;
      state: string;
      ageSeconds: number;
      secondsLeft: number;
      owner: string;
    }>
  | Readonly<{ kind: 'environment'; text: string }>
  | Readonly<{ kind: 'other'; text: string }>;

/** Nothing that a host has to say is longer. */
const LONGEST_LINE = 4_000;

/** One line that `begin` (or the runner behind it) prints. */
export function parseBeginLine(said: string): BeginEvent {
  const line = said.length > LONGEST_LINE ? `${said.slice(0, LONGEST_LINE)}…` : said;
  const [first = '', second = '', ...rest] = line.split(' ');
  switch (first) {
    case 'armed':
      return { kind: 'armed', secondsLeft: Number(rest[0] ?? '0') - Number(second) };
    case 'applied':
      return { kind: 'applied' };
    case 'failed':
      return { kind: 'failed', segment: Number(second) };
    case 'rolling-back':
      return { kind: 'rolling-back', cause: [second, ...rest].join(' ') };
    case 'rolled-back':
      return { kind: 'rolled-back', verified: second === 'verified' };
    case 'was':
      return { kind: 'changed-line', text: `was: ${line.slice(4)}` };
    case 'now':
      return { kind: 'changed-line', text: `now: ${line.slice(4)}` };
    case 'refused': {
      if (second === 'changed') return { kind: 'changed' };
      if (second === 'busy') {
        const [transaction = '', state = '', age = '0', left = '0', ...owner] = rest;
        return {
          kind: 'busy',
          transaction,
          state,
          ageSeconds: Number(age),
          secondsLeft: Number(left),
          owner: owner.join(' '),
        };
      }
      return { kind: 'environment', text: rest.join(' ') };
    }
    default:
      return { kind: 'other', text: line };
  }
}

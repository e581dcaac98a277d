/** Records that ended transactions have left on a host: read, and removed. */
import { NetorchError } from '../errors.js';
import { quoteSh } from '../quote-sh.js';
import { agentScript, stdinScript } from './bundle.js';

export type TransactionRecord = Readonly<{
  transaction: string;
  /** `abandoned`: it stopped before it had any state. */
  state: string;
  ageSeconds: number;
  owner: string;
  cause: string | undefined;
  /** Of an incomplete way back: what is not as it was. */
  differences: readonly string[];
}>;

export function recordsScript(): string {
  return stdinScript(
    agentScript('forget'),
    'read -r up _ </proc/uptime',
    'echo "uptime $up"',
    'echo "user $(id -u)"',
    'forget',
  );
}

/** Removes these records; one that is open is left alone. Answers `removed ID` for each. */
export function forgetScript(transactions: readonly string[]): string {
  return stdinScript(agentScript('forget'), `forget ${transactions.map(quoteSh).join(' ')}`);
}

/** Throws AGENT_PROTOCOL: half an answer is not "none". */
export function parseRecords(host: string, stdout: string): readonly TransactionRecord[] {
  const lines = stdout.split('\n');
  if (!lines.includes('@end')) {
    throw new NetorchError(
      'AGENT_PROTOCOL',
      `${host}: it did not say which records of transactions it has`,
    );
  }
  const uptime = Number(/^uptime (\d+(?:\.\d+)?)$/m.exec(stdout)?.[1] ?? '0');
  const records: {
    -readonly [K in keyof TransactionRecord]: K extends 'differences'
      ? string[]
      : TransactionRecord[K];
  }[] = [];
  for (const line of lines) {
    const [word, transaction = '', state = '', begun = '0', ...owner] = line.split(' ');
    const last = records.at(-1);
    if (word === 'record') {
      records.push({
        transaction,
        state,
        ageSeconds: Math.max(0, Math.floor(uptime - Number(begun))),
        owner: owner.join(' '),
        cause: undefined,
        differences: [],
      });
    } else if (word === 'cause' && last !== undefined) {
      last.cause ??= line.slice('cause '.length);
    } else if (word === 'difference') {
      last?.differences.push(line.slice('difference '.length));
    }
  }
  return records;
}

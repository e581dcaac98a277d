/** `netorch rollback`: ends the open transactions of runs that are gone, at once instead of at their deadline. */
import { setTimeout as delay } from 'node:timers/promises';
import { hostname, userInfo } from 'node:os';

import { Command, Option } from 'commander';

import { RUN_FROM_STDIN } from '../agents/bundle.js';
import type { OpenTransaction } from '../agents/observed-host.js';
import {
  foreignRollbackScript,
  parseStatus,
  statusScript,
  transactionsScript,
  type TransactionStatus,
} from '../agents/transaction.js';
import { NetorchError } from '../errors.js';
import type { Connection, ConnectionTarget, Transport } from '../transport/transport.js';
import { REPORTER_KINDS, type ReporterKind } from '../ui/create-reporter.js';
import { sanitise } from '../ui/sanitise.js';
import { commandLine } from './command-line.js';
import { chooseHosts } from './choose-hosts.js';
import { readFormerRun } from './former-run.js';
import { addHostOptions, duration, readCommonOptions, type HostOptions } from './host-options.js';
import { askHosts } from './observe-hosts.js';
import { openTransport } from './open-transport.js';
import { openInventory, targetFor } from './prepare.js';
import { printErrors } from './print-errors.js';
import { journals } from './run-folder.js';
import { runOfOwner } from './run-of-owner.js';
import { OPEN_STATES, readTransactions } from './status.js';
import { undoRun } from './undo-run.js';

const MESSAGE_TIMEOUT_MS = 15_000;
/** The way back may cut off the session that asks for it: so long the host is dialled again. */
const PATIENCE_MS = 120_000;
const REDIAL_PAUSE_MS = 1_000;

/**
 * Why a transaction must not be ended by somebody else; undefined when it may: its run is known to be over,
 * or its deadline has passed and it should have ended by itself.
 */
export function whyNotMine(
  item: OpenTransaction,
  run: ReturnType<typeof runOfOwner>,
): string | undefined {
  if (run === 'dead' || item.secondsLeft <= 0) return undefined;
  return run === 'alive'
    ? 'its run still goes on, on this machine'
    : 'its run may still go on: it was begun elsewhere';
}

type RollbackOptions = HostOptions & Readonly<{ force?: boolean; ui: ReporterKind }>;

export function rollbackCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('rollback')
      .description(
        'undo a run; or, without one, roll open transactions of runs that are gone back now',
      )
      .argument('[run]', 'the run to undo: its name, a beginning of it, or "last"'),
  )
    .option(
      '--force',
      'also transactions whose run may still go on; with a run: also hosts that have changed since',
    )
    .option(
      '--deadline <time>',
      'with a run: time to prove a host good before its undoing is taken back',
      duration,
    )
    .addOption(
      new Option('--ui <kind>', 'with a run: how it is shown')
        .choices([...REPORTER_KINDS])
        .default('auto'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing is open any more, 1 error, or a run may still go on, 4 a host is not what it was, or unknown; with a run: as those of apply',
    )
    .action(async (wanted: string | undefined, options: RollbackOptions, command: Command) => {
      if (wanted !== undefined) {
        const common = readCommonOptions(options);
        const code = await undoRun({
          former: await readFormerRun(wanted, { ...common, hosts: 'all' }),
          common,
          forks: options.forks,
          ui: options.ui,
          command: commandLine(command),
          force: options.force === true,
        });
        setExitCode(code);
        return;
      }
      if (options.hosts === undefined) {
        throw new NetorchError('USAGE', 'netorch rollback needs --hosts', {
          notes: ['"netorch status" shows which hosts have open transactions'],
        });
      }
      const common = readCommonOptions(options);
      const { inventory } = await openInventory(common);
      const hosts = (await chooseHosts(inventory, common)) ?? [];
      const targets = hosts.map((host) => targetFor(host, inventory, undefined));
      const transport = await openTransport(targets);
      const answers = await askHosts(targets, transport, options.forks, (connection, target) =>
        rollBackHost(connection, target, transport, options.force === true),
      );
      const codes = answers.map((answer) => {
        if (!('error' in answer)) return answer.value;
        printErrors(answer.error);
        return 1;
      });
      setExitCode(Math.max(0, ...codes));
    });
}

/** Rolls back what is open on one host and says so; the exit code for it. */
async function rollBackHost(
  connection: Connection,
  target: ConnectionTarget,
  transport: Transport,
  force: boolean,
): Promise<number> {
  const say = (text: string) => process.stdout.write(`${sanitise(`${target.host}: ${text}`)}\n`);
  const answer = await connection.exec(RUN_FROM_STDIN, {
    input: transactionsScript(),
    timeoutMs: MESSAGE_TIMEOUT_MS,
  });
  const open = readTransactions(target.host, answer).filter(({ state }) => OPEN_STATES.has(state));
  if (open.length === 0) say('nothing is open');
  let code = 0;
  for (const item of open) {
    const not = force ? undefined : whyNotMine(item, runOfOwner(item.owner, journals()));
    if (not !== undefined) {
      throw new NetorchError(
        'HOST_BUSY',
        `${target.host}: ${item.transaction} (${item.owner}) is left alone: ${not}`,
        {
          notes: [
            `unless it is confirmed, it ends by itself in ${Math.max(0, item.secondsLeft)} s`,
            '--force ends it now',
          ],
        },
      );
    }
    const status = await rollBackOne(connection, target, transport, item.transaction);
    switch (status?.state) {
      case 'rolled-back':
        say(`${item.transaction} rolled back, verified`);
        break;
      case 'incomplete':
        code = 4;
        say(`${item.transaction} rolled back, but NOT exactly what it was; these differ:`);
        status.differences.forEach((difference) => say(`  ${difference}`));
        break;
      case 'confirmed':
        say(`${item.transaction} was confirmed in the same moment, and stays`);
        break;
      case 'gone':
        say(`${item.transaction} is gone: the host was rebooted, or the record removed`);
        code = 4;
        break;
      default:
        code = 4;
        say(`${item.transaction}: its end is unknown; ask "netorch status" again`);
    }
  }
  return code;
}

/** undefined: nothing was heard of it in time. */
async function rollBackOne(
  connection: Connection,
  target: ConnectionTarget,
  transport: Transport,
  transaction: string,
): Promise<TransactionStatus | undefined> {
  const cause = `asked for by ${userInfo().username}@${hostname()}`.replace(/[^\x20-\x7e]/g, '?');
  const untilMs = performance.now() + PATIENCE_MS;
  await connection
    .exec(RUN_FROM_STDIN, {
      input: foreignRollbackScript(transaction, cause),
      timeoutMs: PATIENCE_MS / 4,
    })
    .catch(cutOff);
  while (performance.now() < untilMs) {
    const status = await readStatus(target, transport, transaction).catch(cutOff);
    if (status !== undefined && !OPEN_STATES.has(status.state)) return status;
    await delay(REDIAL_PAUSE_MS);
  }
  return undefined;
}

/** Over a new connection: the one before may have been cut off. */
async function readStatus(
  target: ConnectionTarget,
  transport: Transport,
  transaction: string,
): Promise<TransactionStatus> {
  const connection = await transport.connect(target);
  try {
    const { stdout } = await connection.exec(RUN_FROM_STDIN, {
      input: statusScript(transaction),
      timeoutMs: MESSAGE_TIMEOUT_MS,
    });
    return parseStatus(target.host, stdout.split('\n'));
  } finally {
    connection.close();
  }
}

/** A connection that breaks is dialled again; an answer that makes no sense will make none then. */
function cutOff(error: unknown): undefined {
  if (!(error instanceof NetorchError) || error.code === 'AGENT_PROTOCOL') throw error;
}

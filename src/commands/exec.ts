/** `netorch exec`: one command on many hosts, each host's answer by itself. Changes nothing by itself. */
import { Command, InvalidArgumentError } from 'commander';

import { NetorchError } from '../errors.js';
import { quoteSh } from '../quote-sh.js';
import type { ConnectionTarget, ExecResult } from '../transport/transport.js';
import { safeJson, sanitise } from '../ui/sanitise.js';
import { chooseHosts } from './choose-hosts.js';
import { addHostOptions, readCommonOptions, type HostOptions } from './host-options.js';
import { askHosts, type HostAnswer } from './observe-hosts.js';
import { openTransport } from './open-transport.js';
import { collectErrors, openInventory, targetFor } from './prepare.js';
import { printErrors } from './print-errors.js';

type ExecOptions = HostOptions &
  Readonly<{ become?: boolean; json?: boolean; timeout: number; maxOutput: number }>;

/** What ssh says where there was no command to tell its own code. */
const NO_ANSWER = 255;
const DEFAULT_TIMEOUT_S = 60;
const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024;

export function execCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('exec')
      .description('run a command on hosts and print what each of them answers')
      .argument(
        '<command...>',
        'after "--"; one word is a line of shell, several words are a command with its arguments',
      ),
  )
    .option('--become', "as root, by the host's own become settings (default: sudo)")
    .option('--timeout <seconds>', 'time for the command', wholeNumber, DEFAULT_TIMEOUT_S)
    .option(
      '--max-output <bytes>',
      'output of a host that is kept; the rest is dropped',
      wholeNumber,
      DEFAULT_MAX_OUTPUT_BYTES,
    )
    .option('--json', 'print one JSON object: host to code, stdout, stderr')
    .addHelpText(
      'after',
      '\nExit code: the highest of all hosts; 255 for a host that could not be asked',
    )
    .action(async (words: readonly string[], options: ExecOptions) => {
      const common = readCommonOptions(options);
      if (common.hosts === undefined && common.limit === undefined) {
        throw new NetorchError('USAGE', 'say on which hosts: --hosts PATTERN', {
          notes: ['--hosts all is every host of the inventory'],
        });
      }
      const { inventory } = await openInventory(common);
      const hosts = (await chooseHosts(inventory, common)) ?? inventory.hosts;
      const targets = collectErrors(hosts, (host) =>
        withBecome(targetFor(host, inventory, undefined), options.become === true),
      );
      const [onlyWord] = words;
      const command =
        words.length === 1 && onlyWord !== undefined ? onlyWord : words.map(quoteSh).join(' ');
      const print = options.json === true ? () => undefined : printAnswer;
      const answers = await askHosts(
        targets,
        await openTransport(targets),
        options.forks,
        (connection) =>
          connection.exec(command, {
            timeoutMs: options.timeout * 1000,
            maxOutputBytes: options.maxOutput,
            dropsExcess: true,
          }),
      );
      for (const answer of answers) print(answer, options.maxOutput);
      if (options.json === true) {
        const all = Object.fromEntries(answers.map((answer) => [answer.host, jsonOf(answer)]));
        process.stdout.write(`${safeJson(all, 2)}\n`);
      }
      setExitCode(Math.max(0, ...answers.map(codeOf)));
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000_000) {
    throw new InvalidArgumentError('it must be a whole number, 1 at least.');
  }
  return value;
}

/** Only the command line decides whether a command runs as root. */
function withBecome(target: ConnectionTarget, isWanted: boolean): ConnectionTarget {
  if (!isWanted) return { ...target, become: undefined };
  return {
    ...target,
    become: target.become ?? { method: 'sudo', user: 'root', password: undefined },
  };
}

function codeOf(answer: HostAnswer<ExecResult>): number {
  return 'error' in answer ? NO_ANSWER : (answer.value.code ?? NO_ANSWER);
}

function jsonOf(answer: HostAnswer<ExecResult>): unknown {
  if ('error' in answer) return { error: answer.error.message };
  const { code, stdout, stderr, isCut } = answer.value;
  return { code: code ?? null, stdout, stderr, ...(isCut === true ? { cut: true } : {}) };
}

function printAnswer(answer: HostAnswer<ExecResult>, maxOutput: number): void {
  if ('error' in answer) {
    printErrors(answer.error);
    return;
  }
  const { code, stdout, stderr, isCut } = answer.value;
  const ending = code === undefined ? 'ended by a signal' : `exit code ${code}`;
  const lines = [
    `${answer.host}: ${ending}`,
    ...indented(stdout),
    ...(isCut === true ? [`  (cut after ${maxOutput} bytes)`] : []),
    ...indented(stderr).map((line) => line.replace(/^ {2}/, '  stderr: ')),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function indented(text: string): readonly string[] {
  return text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `  ${sanitise(line)}`);
}

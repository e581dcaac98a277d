import { spawn } from 'node:child_process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { FAULT_USAGE, formatFault, parseFault } from '../lab/fault.js';
import { Lab } from '../lab/lab.js';
import { LAB_INITS, MAX_HOSTS, type LabHostSpec, type LabInit } from '../lab/topology.js';

type DirOption = Readonly<{ dir?: string }>;
type UpOptions = DirOption &
  Readonly<{ hosts: number; init: LabInit; host: readonly LabHostSpec[]; memory?: number }>;

/** `netorch lab …`: virtual hosts with a real kernel on this machine. */
export function labCommand(setExitCode: (code: number) => void): Command {
  const lab = new Command('lab')
    .description('virtual hosts with a real kernel, wired to a switch, on this machine')
    // Options after HOST belong to the command that runs there.
    .enablePositionalOptions();

  withDir(lab.command('up'))
    .description('bring up a lab; the first time it downloads Debian packages for the hosts')
    .option('--hosts <count>', `how many hosts, named h1, h2, … (1 to ${MAX_HOSTS})`, parseCount, 4)
    .addOption(
      new Option('--init <kind>', 'what looks after these hosts and their network')
        .choices(LAB_INITS)
        .default('minimal'),
    )
    .option(
      '--host <name:kind>',
      'one host by its own name; may be repeated, and then stands for --hosts and --init',
      collectHost,
      [],
    )
    .option(
      '--memory <MiB>',
      'memory of each host (default: 192, or 320 with systemd; for a thousand bridges 1024)',
      parseMemory,
    )
    .action(async (options: UpOptions) => {
      setExitCode(await up(options));
    });

  withDir(lab.command('status')).description('what is up, and what is broken').action(status);

  withDir(lab.command('ssh'))
    .description('a shell or a command on a host (or "switch"), out of band and as root')
    .argument('<host>')
    .argument('[command...]')
    .passThroughOptions()
    .action(async (host: string, command: readonly string[], options: DirOption) => {
      const running = await Lab.open(options.dir);
      setExitCode(await handOver(running.consoleCommand(host, command)));
    });

  withDir(lab.command('exec'))
    .description('run a program of this machine in the network of the lab')
    .argument('<command...>')
    .passThroughOptions()
    .action(async (command: readonly string[], options: DirOption) => {
      setExitCode(await handOver((await Lab.open(options.dir)).execCommand(command)));
    });

  for (const to of ['break', 'mend'] as const) {
    withDir(lab.command(to))
      .description(
        to === 'break' ? 'make something go wrong' : 'take a fault away again ("all" takes all)',
      )
      .argument('<fault>')
      .argument('[host]')
      .argument('[amount]', 'NIC, percent or milliseconds')
      .option('--native', 'with "vlan": the untagged VLAN')
      .addHelpText('after', `\nFaults:\n${FAULT_USAGE.map((line) => `  ${line}`).join('\n')}`)
      .action(
        async (
          kind: string,
          host: string | undefined,
          amount: string | undefined,
          options: DirOption & Readonly<{ native?: true }>,
        ) => {
          const words = [kind, host, amount].filter((word) => word !== undefined);
          const native = options.native === true;
          const isAll = to === 'mend' && kind === 'all' && host === undefined;
          const fault = isAll ? undefined : parseFault(words, { native, to });
          const running = await Lab.open(options.dir);
          if (fault === undefined) await running.mendAll();
          else await running[to](fault);
        },
      );
  }

  withDir(lab.command('down'))
    .description('end the lab; nothing of it is left but the cached disk image')
    .action(async (options: DirOption) => {
      const existed = await Lab.down(options.dir);
      process.stderr.write(existed ? 'the lab is down\n' : 'no lab was up\n');
    });

  return lab;
}

function withDir(command: Command): Command {
  return command.option('--dir <folder>', 'folder of the lab; each lab has its own');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MAX_HOSTS) {
    throw new InvalidArgumentError(`1 to ${MAX_HOSTS} hosts are possible.`);
  }
  return count;
}

function parseMemory(text: string): number {
  const memory = Number(text);
  if (!Number.isInteger(memory) || memory < 96 || memory > 16_384) {
    throw new InvalidArgumentError('A host boots with 96 to 16384 MiB.');
  }
  return memory;
}

function collectHost(text: string, hosts: readonly LabHostSpec[]): readonly LabHostSpec[] {
  const [name = '', kind = 'minimal', ...rest] = text.split(':');
  const init = LAB_INITS.find((known) => known === kind);
  if (init === undefined || rest.length > 0) {
    throw new InvalidArgumentError(`Write NAME or NAME:KIND with one of ${LAB_INITS.join(', ')}.`);
  }
  return [...hosts, { name, init }];
}

async function up(options: UpOptions): Promise<number> {
  const numbered = Array.from({ length: options.hosts }, (_, n) => ({
    name: `h${n + 1}`,
    init: options.init,
  }));
  const specs = options.host.length > 0 ? options.host : numbered;
  const abort = new AbortController();
  const stop = () => abort.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    const lab = await Lab.up({
      dir: options.dir,
      hosts: specs.map((spec) =>
        options.memory === undefined ? spec : { ...spec, memoryMb: options.memory },
      ),
      progress: (line) => process.stderr.write(`${line}\n`),
      signal: abort.signal,
    });
    process.stdout.write(`inventory: ${lab.inventoryPath}\n`);
    process.stderr.write(`try: netorch show -i ${lab.inventoryPath} ${lab.hosts[0]?.name ?? ''}\n`);
    return 0;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    process.stderr.write('interrupted; nothing is left behind\n');
    return 130;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

async function status(options: DirOption): Promise<void> {
  const lab = await Lab.open(options.dir);
  const lines = (await lab.status()).map(({ host, power }) =>
    [host.name.padEnd(12), host.address.padEnd(14), host.init.padEnd(16), power].join(' '),
  );
  const faults = lab.faults.map((fault) => `broken: ${formatFault(fault)}`);
  lines.push(...faults, `inventory: ${lab.inventoryPath}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Gives the terminal to another program until it ends, and takes over its exit code. */
async function handOver(
  command: Readonly<{ argv: readonly string[]; env: NodeJS.ProcessEnv }>,
): Promise<number> {
  const [file = '', ...args] = command.argv;
  // The terminal sends Ctrl-C to both; what it means is for the program to say.
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      const child = spawn(file, args, { stdio: 'inherit', env: command.env });
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}

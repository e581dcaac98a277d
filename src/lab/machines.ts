import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs';
import path from 'node:path';
import { NetorchError } from '../errors.js';
import { BOOT_SCRIPT } from './lab-files.js';
import { enterArguments, LAB_MARK, type LabNamespace } from './namespace.js';
import {
  labEnvironment,
  runProgram,
  type ProgramOptions,
  type ProgramResult,
} from './run-program.js';
import {
  kernelArguments,
  knownHostsLine,
  networkManagerProfile,
  type LabHost,
  type LabMachine,
} from './topology.js';

/** A running lab as its machines need it. */
export type LabBox = Readonly<{ dir: string; namespace: LabNamespace; image: string }>;

export type PowerState = 'on' | 'off' | 'frozen';

/** Runs a program inside the box. */
export function runInside(
  box: LabBox,
  argv: readonly string[],
  inside: 'network' | 'all',
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return runProgram(enterArguments(box.namespace, argv, inside), {
    ...options,
    env: { ...(options.env ?? labEnvironment()), [LAB_MARK]: box.dir },
  });
}

/** Makes a machine's keys and seed, before its first boot, and makes its host key known. */
export async function prepareMachine(
  dir: string,
  machine: LabMachine,
  host: LabHost | undefined,
): Promise<void> {
  const seed = path.join(dir, machine.name, 'seed');
  mkdirSync(seed, { recursive: true, mode: 0o700 });
  // A copy of our own, because it has to be executable and an installed package need not keep that.
  const boot = path.join(dir, machine.name, 'boot');
  copyFileSync(BOOT_SCRIPT, boot);
  chmodSync(boot, 0o700);
  const keyFile = path.join(seed, 'ssh_host_ed25519_key');
  await makeKey(keyFile, machine.name);
  copyFileSync(path.join(dir, 'key.pub'), path.join(seed, 'authorized_keys'));
  if (host?.init === 'networkmanager') {
    writeFileSync(path.join(seed, 'eth1.nmconnection'), networkManagerProfile(host));
  }
  appendFileSync(
    path.join(dir, 'known_hosts'),
    knownHostsLine(machine, host, readFileSync(`${keyFile}.pub`, 'utf8')),
  );
}

export async function makeKey(file: string, comment: string): Promise<void> {
  const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file];
  const result = await runProgram(argv);
  if (result.code !== 0) {
    throw new NetorchError('LAB_FAILED', `ssh-keygen failed: ${result.stderr.trim()}`);
  }
}

/** Switches a machine on; its disk is as it was left. Returns before it has booted. */
export async function powerOn(box: LabBox, machine: LabMachine): Promise<void> {
  const folder = path.join(box.dir, machine.name);
  const log = path.join(folder, 'console.log');
  appendFileSync(log, '');
  chmodSync(log, 0o600);
  const machineId = createHash('md5').update(
    `${box.dir} ${box.namespace.init.startTicks} ${machine.name}`,
  );
  // A group of its own, so that one signal reaches the helper processes as well. The one in between
  // ends at once, whereby the kernel becomes a child of the box's process 1.
  const script = `cd "$0" && rm -f pid || exit 1
setsid bash "$0/boot" "$@" </dev/null >>console.log 2>&1 &
until [ -s pid ] || ! kill -s 0 $!; do sleep 0.01; done`;
  const args = kernelArguments(machine, {
    folder,
    image: box.image,
    machineId: machineId.digest('hex'),
  });
  // The user-mode kernel and its processes never run at the same time, but wake each other at every system
  // call: on two processors the same work took two to four times as long. Labs begin with different ones,
  // the machines of one lab take turns.
  const processors = processorList(readFileSync('/proc/self/status', 'utf8'));
  const processor = processors[(box.namespace.init.startTicks + machine.index) % processors.length];
  const argv = ['taskset', '-c', String(processor), 'sh', '-c', script, folder, ...args];
  const result = await runInside(box, argv, 'all', {
    env: { ...labEnvironment(), TMPDIR: '/dev/shm' },
  });
  if (result.code !== 0) {
    throw new NetorchError('LAB_FAILED', `${machine.name} could not be started: ${result.stderr}`);
  }
}

/** The processors that a process may use, by its /proc/PID/status (proc_pid_status(5)). */
export function processorList(status: string): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  });
}

/**
 * Power cut, standstill and its end. Returns when it has happened.
 *
 * A cut ends the whole process group. To stop, only the kernel itself is stopped: the guest's
 * programs are traced by it and get no further than their next system call, but when they are
 * stopped too, the kernel takes that for a crash of theirs as soon as it goes on.
 */
export async function signalMachine(
  box: LabBox,
  name: string,
  signal: 'KILL' | 'STOP' | 'CONT',
): Promise<void> {
  const script = `read -r pid <"$1/pid" || exit 1
case $2 in
  KILL) kill -s KILL -- "-$pid" && while kill -s 0 -- "-$pid"; do sleep 0.02; done 2>/dev/null ;;
  *) kill -s "$2" "$pid" ;;
esac || :`;
  const folder = path.join(box.dir, name);
  const result = await runInside(box, ['sh', '-c', script, 'sh', folder, signal], 'all', {
    timeoutMs: 20_000,
  });
  if (result.code !== 0) {
    throw new NetorchError(
      'LAB_FAILED',
      `${name}: signal ${signal} failed: ${result.stderr.trim()}`,
    );
  }
}

export async function powerStates(
  box: LabBox,
  names: readonly string[],
): Promise<ReadonlyMap<string, PowerState>> {
  const script = `dir=$1; shift
for name; do
  state=off
  if read -r pid <"$dir/$name/pid" && read -r line <"/proc/$pid/stat"; then
    line=\${line##*) }
    case $line in T* | t*) state=frozen ;; Z* | X*) ;; *) state=on ;; esac
  fi 2>/dev/null
  echo "$name $state"
done`;
  const { stdout } = await runInside(box, ['sh', '-c', script, 'sh', box.dir, ...names], 'all');
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [name = '', state] = line.split(' ');
        return [name, state === 'on' || state === 'frozen' ? state : 'off'] as const;
      }),
  );
}

/**
 * Waits until a machine has booted to the end: sshd answers on the console network and the guest has
 * left its mark. Then opens the shared console connection. Throws NetorchError LAB_FAILED when the
 * machine dies on the way or takes longer than `timeoutMs`.
 */
export async function waitForBoot(
  box: LabBox,
  machine: Pick<LabMachine, 'name' | 'consoleAddress'>,
  options: Readonly<{ timeoutMs: number; signal?: AbortSignal | undefined }>,
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  await closeConsole(box, machine);
  const failure = (what: string) =>
    new NetorchError('LAB_FAILED', `${machine.name} ${what}`, {
      notes: ['The end of its console:', ...consoleTail(box, machine.name)],
    });
  const until = (argv: readonly string[]) =>
    runInside(box, argv, 'all', {
      timeoutMs: Math.max(1, deadline - Date.now()),
      signal: options.signal,
    });
  const listening = `until nc -z -w 1 "$2" 22 2>/dev/null; do
  kill -s 0 "$(cat "$1/pid")" 2>/dev/null || exit 9
  sleep 0.1
done`;
  const folder = path.join(box.dir, machine.name);
  const answer = await until(['sh', '-c', listening, 'sh', folder, machine.consoleAddress]);
  if (answer.code === 9) throw failure('died while it was booting');
  if (answer.code !== 0) throw failure(`did not boot within ${options.timeoutMs / 1000} s`);
  for (;;) {
    const mark = 'until [ -e /run/lab-booted ]; do sleep 0.1; done';
    const result = await until(consoleArguments(box, machine, ['-n'], [mark]));
    if (result.code === 0) break;
    if (Date.now() >= deadline) {
      throw failure(`did not boot within ${options.timeoutMs / 1000} s ${result.stderr.trim()}`);
    }
  }
  // One connection for all later commands: a handshake costs a second of a small machine's time.
  await until([
    'setsid',
    ...consoleArguments(box, machine, ['-M', '-N', '-f', '-o', 'ServerAliveInterval=0'], []),
  ]);
}

/** Forgets the shared console connection, which hangs once the machine behind it is not the same. */
async function closeConsole(
  box: LabBox,
  machine: Pick<LabMachine, 'name' | 'consoleAddress'>,
): Promise<void> {
  const socket = controlSocket(box, machine.name);
  if (!existsSync(socket)) return;
  const argv = consoleArguments(box, machine, ['-O', 'exit'], []);
  await runInside(box, argv, 'network', { timeoutMs: 5000 });
  rmSync(socket, { force: true });
}

/** argv (to be run inside the box) that runs a shell command on a machine, as root, over eth0. */
export function consoleArguments(
  box: LabBox,
  machine: Pick<LabMachine, 'name' | 'consoleAddress'>,
  options: readonly string[],
  command: readonly string[],
): readonly string[] {
  return [
    'ssh',
    '-F',
    'none',
    '-i',
    path.join(box.dir, 'key'),
    '-S',
    controlSocket(box, machine.name),
    // Of an option that is given twice ssh takes the first.
    ...options,
    ...[
      'BatchMode=yes',
      'IdentitiesOnly=yes',
      'IdentityAgent=none',
      'StrictHostKeyChecking=yes',
      `UserKnownHostsFile=${path.join(box.dir, 'known_hosts')}`,
      'GlobalKnownHostsFile=/dev/null',
      'ConnectTimeout=10',
      'ServerAliveInterval=10',
      'LogLevel=ERROR',
    ].flatMap((option) => ['-o', option]),
    `root@${machine.consoleAddress}`,
    ...command,
  ];
}

function controlSocket(box: LabBox, name: string): string {
  return path.join(box.dir, name, 'control');
}

function consoleTail(box: LabBox, name: string): readonly string[] {
  try {
    const text = readFileSync(path.join(box.dir, name, 'console.log'), 'utf8');
    return text.trim().split('\n').slice(-10);
  } catch {
    return [];
  }
}

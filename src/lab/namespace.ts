import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NetorchError } from '../errors.js';
import { labEnvironment } from './run-program.js';

/**
 * The box that a lab lives in: one process holding a network, mount and process namespace (and a user
 * namespace, when not root). Everything of the lab runs inside, so that it all ends with this process.
 */
export type LabNamespace = Readonly<{
  /** `unshare`, the outermost process; its death takes the box along. */
  holder: ProcessIdentity;
  /** Process 1 of the box, as seen from outside. */
  init: ProcessIdentity;
  /** As in `readlink /proc/PID/ns/net`. */
  network: string;
}>;

/** A process id alone may be somebody else's by now; with the start time it is not. */
export type ProcessIdentity = Readonly<{ pid: number; startTicks: number; bootId: string }>;

/** Environment variable of every process of a lab: its folder. */
export const LAB_MARK = 'NETORCH_LAB_DIR';

/** Marks the holder's command line, so that it is found even if nothing was written down about it. */
const HOLDER_NAME = 'netorch-lab-holder';

/**
 * Guest memory is a file in /dev/shm, which elsewhere may be small or noexec: the box has its own.
 * After that, process 1 has nothing to do but to reap orphans.
 */
const HOLDER_SCRIPT = `mount -t tmpfs -o mode=1777,size=90% tmpfs /dev/shm || exit 1
echo ready
exec >/dev/null 2>&1
while :; do sleep 3600 & wait $!; done`;

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function unshareArguments(): string[] {
  return [
    'unshare',
    ...(isRoot() ? [] : ['--user', '--map-root-user']),
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
}

/** argv that runs a command inside; by default only its network is that of the box. */
export function enterArguments(
  namespace: LabNamespace,
  argv: readonly string[],
  inside: 'network' | 'all' = 'network',
): readonly string[] {
  return [
    'nsenter',
    '-t',
    String(namespace.init.pid),
    ...(isRoot() ? [] : ['-U', '--preserve-credentials']),
    ...(inside === 'all' ? ['-n', '-m', '-p'] : ['-n']),
    '--',
    ...argv,
  ];
}

/**
 * Opens the box. `onSpawn` is called with the holder before anything can go wrong, to write it down.
 * Throws NetorchError LAB_FAILED.
 */
export async function openNamespace(
  dir: string,
  onSpawn: (holder: ProcessIdentity) => void,
): Promise<LabNamespace> {
  const log = path.join(dir, 'holder.log');
  const logFd = openSync(log, 'w', 0o600);
  const [file = '', ...args] = [...unshareArguments(), 'sh', '-c', HOLDER_SCRIPT, HOLDER_NAME, dir];
  const child = spawn(file, args, {
    detached: true,
    cwd: '/',
    env: { ...labEnvironment(), [LAB_MARK]: dir, TMPDIR: '/dev/shm' },
    stdio: ['ignore', 'pipe', logFd],
  });
  closeSync(logFd);
  const ready = new Promise<boolean>((resolve) => {
    child.stdout?.once('data', () => resolve(true));
    child.stdout?.once('end', () => resolve(false));
    child.once('error', () => resolve(false));
  });
  const holder = child.pid === undefined ? undefined : processIdentity(child.pid);
  if (holder !== undefined) onSpawn(holder);
  const isReady = await ready;
  child.stdout?.destroy();
  child.unref();
  const init = holder === undefined ? undefined : onlyChild(holder.pid);
  if (!isReady || holder === undefined || init === undefined) {
    throw new NetorchError('LAB_FAILED', 'the namespaces of the lab could not be made', {
      notes: [readFileSync(log, 'utf8').trim()],
    });
  }
  return {
    holder,
    init,
    network: readlinkSync(`/proc/${init.pid}/ns/net`),
  };
}

/** Holders of this folder's lab that are still there, whether or not they were written down. */
export function findHolders(dir: string): readonly ProcessIdentity[] {
  return processIds().flatMap((pid) => {
    const words = readOrEmpty(`/proc/${pid}/cmdline`).split('\0');
    const isHolder = words[0] === 'unshare' && words.at(-3) === HOLDER_NAME && words.at(-2) === dir;
    const identity = isHolder ? processIdentity(pid) : undefined;
    return identity === undefined ? [] : [identity];
  });
}

/**
 * Ends the box and everything in it, and waits until all is gone: also what only shares its network,
 * like a command started with `netorch lab exec`. Works without `namespace` too, from what processes
 * say of themselves. Throws NetorchError LAB_FAILED when a process does not go.
 */
export async function closeNamespace(
  dir: string,
  namespace: LabNamespace | undefined,
): Promise<void> {
  const holders = findHolders(dir);
  const inits = holders.map((holder) => onlyChild(holder.pid)).filter((init) => init !== undefined);
  if (namespace !== undefined && isAlive(namespace.init)) inits.push(namespace.init);
  // The number in a namespace's link is given to another one as soon as this one is free. While we
  // hold it open that cannot be, and nobody else's process is mistaken for one of the lab.
  const heldOpen: number[] = [];
  const links = new Set<string>();
  try {
    for (const init of inits) {
      for (const kind of ['net', 'pid']) {
        const file = `/proc/${init.pid}/ns/${kind}`;
        const fd = openOrUndefined(file);
        if (fd === undefined) continue;
        heldOpen.push(fd);
        // A holder that has not got so far as to make its own namespaces is still in ours.
        if (linkOrEmpty(file) !== linkOrEmpty(`/proc/self/ns/${kind}`))
          links.add(linkOrEmpty(file));
      }
    }
    links.delete('');
    await endAll(() => [
      ...holders.filter((holder) => isAlive(holder)).map((holder) => holder.pid),
      ...processIds().filter((pid) => isOfLab(pid, dir, links)),
    ]);
  } finally {
    for (const fd of heldOpen) closeSync(fd);
  }
}

async function endAll(list: () => readonly number[]): Promise<void> {
  const deadline = Date.now() + 20_000;
  const ownLine = ancestors();
  for (;;) {
    const left = list().filter((pid) => !ownLine.has(pid));
    if (left.length === 0) return;
    if (Date.now() > deadline) {
      throw new NetorchError(
        'LAB_FAILED',
        `processes of the lab do not end: ${[...new Set(left)].join(', ')}`,
      );
    }
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone since it was listed.
      }
    }
    await delay(30);
  }
}

function isOfLab(pid: number, dir: string, links: ReadonlySet<string>): boolean {
  return (
    links.has(linkOrEmpty(`/proc/${pid}/ns/net`)) ||
    links.has(linkOrEmpty(`/proc/${pid}/ns/pid`)) ||
    readOrEmpty(`/proc/${pid}/environ`).split('\0').includes(`${LAB_MARK}=${dir}`)
  );
}

/** This process, its parent and so on: a lab may be taken down from a shell inside of it. */
function ancestors(): ReadonlySet<number> {
  const line = new Set<number>();
  for (let pid = process.pid; pid > 1 && !line.has(pid); pid = parentOf(pid)) line.add(pid);
  return line;
}

function parentOf(pid: number): number {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

export function processIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The program's name, in parentheses, may contain anything; the fields after it are plain.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = Number(fields[19]);
  if (stat === '' || state === 'Z' || state === 'X' || Number.isNaN(startTicks)) return undefined;
  return {
    pid,
    startTicks,
    bootId: readOrEmpty('/proc/sys/kernel/random/boot_id').trim(),
  };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = processIdentity(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

function onlyChild(pid: number): ProcessIdentity | undefined {
  const [child] = readOrEmpty(`/proc/${pid}/task/${pid}/children`).trim().split(' ');
  return child === undefined || child === '' ? undefined : processIdentity(Number(child));
}

function processIds(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function linkOrEmpty(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

function openOrUndefined(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch {
    return undefined;
  }
}

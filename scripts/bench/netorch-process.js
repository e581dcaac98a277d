// One run of netorch, measured from within its own process: wall and CPU time, memory, stalls of its event loop.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NETORCH = fileURLToPath(new URL('../../bin/netorch.js', import.meta.url));

// In the controller's process, from its first moment to its last.
const PROBE = `import { monitorEventLoopDelay } from 'node:perf_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync, writeFileSync } from 'node:fs';
const loop = monitorEventLoopDelay({ resolution: 10 });
loop.enable();
// Loading the program and reading the documents makes no host wait.
subscribe('netorch:emitted', ({ type }) => {
  if (type === 'run.started') loop.reset();
  if (type === 'run.finished') loop.disable();
});
const start = performance.now();
process.on('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  // Of this program alone: getrusage(2) goes on from what the parent had when it started this one.
  const maxRSS = Number(/^VmHWM:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  writeFileSync(process.env.BENCH_USAGE, JSON.stringify({
    wallMs: performance.now() - start, cpuMs: (userCPUTime + systemCPUTime) / 1000, maxRSS,
    stallMs: loop.max / 1e6, stall99Ms: loop.percentile(99) / 1e6,
  }));
});
`;

/** Runs `netorch ...args` in `folder`, with its state there; `onTerminal`: on a terminal of 160 columns. */
export class NetorchProcess {
  #folder;
  #usage;
  #probe;
  #program;
  #env;

  /** `program`: in place of netorch itself; then it writes to BENCH_USAGE on its own. `env`: told to it besides. */
  constructor(folder, { program, env = {} } = {}) {
    this.#folder = folder;
    this.#program = program;
    this.#env = env;
    this.#usage = join(folder, 'usage.json');
    this.#probe = join(folder, 'usage.mjs');
    writeFileSync(this.#probe, PROBE);
  }

  /** Exit code, bytes and end of the output; wallMs, cpuMs, maxRSS (KiB), stallMs, stall99Ms. `adopt` gets its pid. */
  async run(args, { onTerminal = false, adopt = () => undefined } = {}) {
    rmSync(this.#usage, { force: true });
    const program = this.#program ?? ['--import', this.#probe, NETORCH];
    const argv = [process.execPath, ...program, ...args];
    const env = {
      PATH: process.env.PATH,
      HOME: this.#folder,
      XDG_STATE_HOME: join(this.#folder, 'state'),
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      BENCH_USAGE: this.#usage,
      ...this.#env,
    };
    const terminal = ['-qefc', `stty rows 50 cols 160; exec ${argv.join(' ')}`, '/dev/null'];
    const options = { cwd: this.#folder, env };
    const child = onTerminal
      ? spawn('script', terminal, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
      : spawn(argv[0], argv.slice(1), { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    adopt(child.pid);
    const tail = { text: '', bytes: 0 };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        tail.bytes += text.length;
        tail.text = (tail.text + text).slice(-2000);
      });
    }
    const [code] = await once(child, 'close');
    return { code, ...tail, ...JSON.parse(readFileSync(this.#usage, 'utf8')) };
  }
}

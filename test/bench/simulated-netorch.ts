/** netorch as it is, with simulated hosts, and without the waiting: what scripts/bench-scale.js runs. */
import { skippedSoFarMs, wallMs } from './skipped-time.js';
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { RunEvent } from '../../src/run/events.js';
import { main } from '../../src/cli.js';

const MIB = 2 ** 20;

const loop = monitorEventLoopDelay({ resolution: 10 });
loop.enable();
// Loading the program and reading the documents makes no host wait.
subscribe('netorch:emitted', (event) => {
  const { type } = event as RunEvent;
  if (type === 'run.started') loop.reset();
  if (type === 'run.finished') loop.disable();
});
let frames = 0;
let written = 0;
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = ((text: string, ...rest: readonly []) => {
  frames += 1;
  written += text.length;
  return write(text, ...rest);
}) as typeof process.stdout.write;

process.on('exit', () => {
  const file = process.env['BENCH_USAGE'];
  if (file === undefined) return;
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  // Of this program alone: getrusage(2) goes on from what the parent had when it started this one.
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  globalThis.gc?.();
  const usage = {
    cpuMs: (userCPUTime + systemCPUTime) / 1000,
    realMs: wallMs(),
    skippedMs: skippedSoFarMs(),
    maxRSS: Number(peak?.[1]),
    heapAtEndMib: process.memoryUsage().heapUsed / MIB,
    stallMs: loop.max / 1e6,
    stall99Ms: loop.percentile(99) / 1e6,
    frames,
    written,
  };
  writeFileSync(file, JSON.stringify(usage));
});

process.exitCode = await main(process.argv.slice(2));

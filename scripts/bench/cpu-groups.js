// CPU time of everything that a command starts, also of what outlives it (masters of shared connections, for
// example): control groups of their own for the client's side and for the hosts'. Root is needed.
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const VERSION_1 = '/sys/fs/cgroup/cpuacct';
const VERSION_2 = '/sys/fs/cgroup';

export class CpuGroup {
  #folder;

  constructor(name) {
    const base = existsSync(VERSION_1) ? VERSION_1 : VERSION_2;
    this.#folder = mkdtempSync(join(base, `netorch-bench-${name}-`));
  }

  /** The process, and what it starts from now on. */
  adopt(pid) {
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(pid));
  }

  pids() {
    return readFileSync(join(this.#folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  }

  /** Milliseconds since the group was made. */
  cpuMs() {
    const file = join(this.#folder, 'cpuacct.usage');
    if (existsSync(file)) return Number(readFileSync(file, 'utf8')) / 1e6;
    const text = readFileSync(join(this.#folder, 'cpu.stat'), 'utf8');
    return Number(/^usage_usec (\d+)$/m.exec(text)[1]) / 1e3;
  }

  /** Memory of all its processes, KiB; what several share is counted once (proc_pid_smaps(5), Pss). */
  memoryKib() {
    let sum = 0;
    for (const pid of this.pids()) {
      try {
        const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
        sum += Number(/^Pss:\s+(\d+)/m.exec(text)[1]);
      } catch {
        // It has ended.
      }
    }
    return sum;
  }

  /** Ends what is left in it. */
  async remove() {
    for (;;) {
      const pids = this.pids();
      if (pids.length === 0) break;
      for (const pid of pids) {
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {
          // It has ended.
        }
      }
      await delay(20);
    }
    rmdirSync(this.#folder);
  }
}

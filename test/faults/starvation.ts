/** How much of the time something on this machine waited for a processor that others had. */
import { existsSync, readFileSync } from 'node:fs';

const PRESSURE = '/proc/pressure/cpu';

/** Microseconds since the boot in which at least one process waited (Documentation/accounting/psi.rst). */
function stalledMicroseconds(): number {
  if (!existsSync(PRESSURE)) return 0;
  return Number(/^some .*total=(\d+)/m.exec(readFileSync(PRESSURE, 'utf8'))?.[1] ?? 0);
}

/** Counts from now; the function says which share of the time since then it was, 0 to 1. */
export function measureStarvation(): () => number {
  const before = stalledMicroseconds();
  const started = performance.now();
  return () => (stalledMicroseconds() - before) / 1000 / (performance.now() - started);
}

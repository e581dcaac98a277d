import { expect, test } from 'vitest';

import type { Outcome, RunEventBody } from '../../src/run/events.js';
import { HostLog } from '../../src/ui/host-log.js';

function logOf(hosts: readonly (readonly [host: string, outcome: Outcome])[]): HostLog {
  const log = new HostLog();
  let seq = 0;
  const add = (event: RunEventBody) =>
    log.add({ at: '2026-01-01T00:00:00Z', seq: (seq += 1), ...event });
  for (const [host, outcome] of hosts) {
    add({ type: 'host.phase', host, phase: 'connecting' });
    add({ type: 'host.finished', host, outcome, durationMs: 1, timings: {} });
  }
  return log;
}

const eventsOf = (log: HostLog, host: string) =>
  log.reportOf(host)?.events.map((event) => event.type);

test('everything is kept of the newest hosts, and of old ones that ended well how they ended', () => {
  const many = Array.from({ length: 500 }, (_, index) => [`h${index}`, 'confirmed'] as const);
  const log = logOf([['old', 'confirmed'], ['bad', 'rolled-back'], ...many]);
  expect(eventsOf(log, 'old')).toEqual(['host.finished']);
  expect(log.outcomeOf('old')).toBe('confirmed');
  expect(eventsOf(log, 'bad')).toEqual(['host.phase', 'host.finished']);
  expect(eventsOf(log, 'h0')).toEqual(['host.phase', 'host.finished']);
});

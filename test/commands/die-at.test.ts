import { expect, test } from 'vitest';
import { dieAt } from '../../src/commands/die-at.js';
import type { RunEvent } from '../../src/run/events.js';

const EVENTS = [
  { type: 'wave.started', wave: 0, hosts: ['a', 'b'] },
  { type: 'host.phase', host: 'a', phase: 'connecting' },
  { type: 'host.phase', host: 'a', phase: 'confirming' },
  { type: 'host.phase', host: 'b', phase: 'confirming' },
].map((event, index) => ({ ...event, at: '', seq: index + 1 }) as RunEvent);

/** What dies, and at the number of which event: "after 3" is after the third was written. */
function deathOf(point: string | undefined): string[] {
  const deaths: string[] = [];
  let now = '';
  const { before, after } = dieAt(point, () => deaths.push(now));
  for (const event of EVENTS) {
    now = `before ${event.seq}`;
    before(event);
    now = `after ${event.seq}`;
    after(event);
  }
  return deaths;
}

test.each<[string | undefined, string[]]>([
  [undefined, []],
  ['', []],
  ['run.finished', []],
  ['wave.started', ['after 1']],
  ['before:wave.started', ['before 1']],
  ['host.phase', ['after 2']],
  ['host.phase#3', ['after 4']],
  ['host.phase=confirming', ['after 3']],
  ['before:host.phase=confirming#2', ['before 4']],
])('%j', (point, deaths) => {
  expect(deathOf(point)).toEqual(deaths);
});

test('a point that names nothing is refused', () => {
  expect(() => dieAt('#2')).toThrow(/NETORCH_DIE_AT/);
});

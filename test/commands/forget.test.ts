import { expect, test } from 'vitest';
import { parseRecords } from '../../src/agents/records.js';
import { recordLines } from '../../src/commands/forget.js';
import { failureOf } from '../config/failure.js';

const ANSWER = `uptime 500.20
user 0
record 20260101T000000-a incomplete 100 me@laptop, run 1
cause a step failed
difference missing: 3:link eth1 mtu 1500
difference surplus: link bond0
record 20260101T000001-b abandoned 0 unknown
@end
`;

test('records are shown with their causes and every difference', () => {
  const lines = parseRecords('h1', ANSWER).flatMap((record) => recordLines('h1', record));
  expect(lines).toEqual([
    'h1: 20260101T000000-a rolled back, but NOT exactly what it was, begun 400 s ago (me@laptop, run 1): a step failed',
    'h1:   missing: 3:link eth1 mtu 1500',
    'h1:   surplus: link bond0',
    'h1: 20260101T000001-b never begun, begun 500 s ago (unknown)',
  ]);
});

test('half an answer is an error, not an empty list', () => {
  expect(failureOf(() => parseRecords('h1', ANSWER.replace('@end\n', '')))[0]).toContain(
    'AGENT_PROTOCOL',
  );
});

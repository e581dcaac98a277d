import { expect, test } from 'vitest';
import { createJsonReporter } from '../../src/ui/json-reporter.js';
import { eventSequence } from './fixtures/event-sequence.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { createMemoryStream } from './fixtures/memory-stream.js';

test('each line is the event, and there is nothing else', async () => {
  const stdout = createMemoryStream();
  const reporter = createJsonReporter(stdout);
  const hostile = eventSequence([
    0,
    { type: 'log', level: 'info', message: 'a\u001b[2J\u009b2J\u2028b\nc' },
  ]);
  const events = [...FOUR_HOSTS, ...hostile];
  for (const event of events) reporter.handle(event);
  await reporter.close();
  expect(stdout.lines().map((line) => JSON.parse(line) as unknown)).toEqual(events);
  expect(stdout.text()).toMatch(/^[\n\u0020-\u007e]*$/);
});

/** One JSON object a line: the events as they are, for programs. */
import type { OutputStream, Reporter } from './reporter.js';
import { flushed } from './reporter.js';
import { safeJson } from './sanitise.js';

export function createJsonReporter(stdout: OutputStream): Reporter {
  return {
    handle: (event) => {
      // Large, and for netorch itself: the journal has it.
      if (event.type === 'host.recorded') return;
      stdout.write(`${safeJson(event)}\n`);
    },
    close: () => flushed(stdout),
  };
}

/** `netorch show --stats`: what the links of hosts have carried, and what state they are in. */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import { parseStatistics, statisticsScript } from '../agents/statistics-reading.js';
import { safeJson } from '../ui/sanitise.js';
import { createClockFormat } from '../ui/words.js';
import { askChosenHosts } from './ask-chosen-hosts.js';
import type { HostOptions } from './host-options.js';
import { printErrors } from './print-errors.js';
import { statisticsJson, statisticsLines } from './statistics-lines.js';

/** Beside the time between two samples; a small host with a thousand interfaces reads for long. */
const TIMEOUT_MS = 120_000;

/** Returns the exit code: 1 when a host could not be read. */
export async function showStatistics(
  options: HostOptions,
  { json, overSeconds }: Readonly<{ json: boolean; overSeconds: number }>,
): Promise<number> {
  const answers = await askChosenHosts(options, async (connection, target) => {
    const { stdout } = await connection.exec(RUN_FROM_STDIN, {
      input: statisticsScript(overSeconds),
      timeoutMs: TIMEOUT_MS + overSeconds * 1000,
    });
    return { statistics: parseStatistics(target.host, stdout), atMs: Date.now() };
  });
  const read = answers.flatMap((answer) =>
    'value' in answer ? [{ host: answer.host, ...answer.value }] : [],
  );
  if (json) {
    const all = Object.fromEntries(
      read.map(({ host, statistics, atMs }) => [
        host,
        statisticsJson(statistics, new Date(atMs).toISOString()),
      ]),
    );
    process.stdout.write(`${safeJson(all, 2)}\n`);
  } else {
    const clock = createClockFormat();
    const tables = read.map(({ host, statistics, atMs }) =>
      statisticsLines(host, statistics, clock(atMs)).join('\n'),
    );
    if (tables.length > 0) process.stdout.write(`${tables.join('\n\n')}\n`);
  }
  let code = 0;
  for (const answer of answers) {
    if (!('error' in answer)) continue;
    printErrors(answer.error);
    code = 1;
  }
  return code;
}

/**
 * Outages, and what netorch says of them. In each the host is what it was or what the plan says, and reachable, in the
 * end. scripts/test-outages.js runs each many times, and counts: NETORCH_OUTAGES_REPEAT=N, NETORCH_OUTAGES_REPORT=FILE
 * appends one line a run, and what stands in it already is not run again. NETORCH_OUTAGES_ONLY=WORDS picks some.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { describeInLab, type Ended } from './bench.js';
import { OUTAGES, type Outage } from './outage-cases.js';

const only = process.env['NETORCH_OUTAGES_ONLY'];
const report = process.env['NETORCH_OUTAGES_REPORT'];
const repeat = Number(process.env['NETORCH_OUTAGES_REPEAT'] ?? '1');
/** A sentence that is not the right one is counted, and does not end the series. */
const isCounting = process.env['NETORCH_OUTAGES_REPEAT'] !== undefined;

const done = new Set(
  report !== undefined && existsSync(report)
    ? readFileSync(report, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { name: string; repetition: number })
        .map(({ name, repetition }) => `${repetition} ${name}`)
    : [],
);

/** Was the cause named? A wrong one is worse than none. */
function verdictOf(outage: Outage, run: Ended): 'right' | 'unknown' | 'wrong' {
  const { outcome, cause } = run.finished('h1');
  if (outcome !== outage.outcome) return 'wrong';
  if (outage.says === undefined || outage.says.test(cause ?? '')) return 'right';
  const isNamed = run.events.some(
    (event) => event.type === 'host.diagnosed' && event.cause !== undefined,
  );
  return isNamed || outcome === 'failed' ? 'wrong' : 'unknown';
}

describeInLab(
  'outages',
  (bench) => {
    const chosen = Object.entries(OUTAGES).filter(
      ([name]) => only === undefined || name.includes(only),
    );
    const runs = Array.from({ length: repeat }, (_, index) =>
      chosen.map(([name, outage]) => ({
        name,
        outage,
        repetition: index + 1,
        title: isCounting ? `${name}, ${index + 1} of ${repeat}` : name,
      })),
    ).flat();
    const due = runs.filter(({ name, repetition }) => !done.has(`${repetition} ${name}`));
    test.each(due)('$title', async ({ name, outage, repetition }) => {
      const variables = bench().variables('outage.yml', { h1: { network: outage.network } });
      const playbook = bench().write('outage-playbook.yml', [
        { name, hosts: 'cluster1', probes: outage.probes ?? [] },
      ]);
      await outage.breaks?.(bench());
      let isReachable = false;
      try {
        const run = await bench().apply(playbook, 'h1', {
          inventory: [variables],
          deadline: outage.deadline ?? 30,
        });

        const finished = run.finished('h1');
        const verdict = verdictOf(outage, run);
        // Reachable: by the way that users take.
        const ping = await bench().run(['ping', '--hosts', 'h1'], { inventory: [variables] });
        isReachable = ping.code === 0;
        if (report !== undefined) {
          const { outcome, durationMs, outageMs, cause, details } = finished;
          const seconds = (durationMs / 1000).toFixed(1);
          const line = { name, repetition, verdict, isReachable, outcome, seconds };
          appendFileSync(report, `${JSON.stringify({ ...line, cut: outageMs, cause, details })}\n`);
        }
        expect({ outcome: finished.outcome, verified: finished.verified }).toEqual({
          outcome: outage.outcome,
          verified: outage.outcome === 'rolled-back' ? true : undefined,
        });
        const seen = finished.details?.join('\n');
        if (outage.says !== undefined && !isCounting) {
          expect(finished.cause, seen).toMatch(outage.says);
        }
        expect(isReachable).toBe(true);
      } finally {
        await outage.mends?.(bench());
      }
      if (outage.outcome !== 'confirmed') {
        await bench().expectAsAtBoot('h1');
      }
    });
  },
  { leastHosts: 2 },
);

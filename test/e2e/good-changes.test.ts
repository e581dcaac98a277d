/**
 * No false alarm: good changes, one upon the other, on two hosts at once, and none goes back because of a probe.
 * scripts/test-outages.js --good N runs N of them: NETORCH_GOOD=N, NETORCH_GOOD_SEED=S, NETORCH_GOOD_REPORT=FILE appends
 * a line a change, and those that stand in it already are not made again.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';
import { goodChange } from './good-change.js';

const count = Number(process.env['NETORCH_GOOD'] ?? '4');
const first = Number(process.env['NETORCH_GOOD_SEED'] ?? '1');
const report = process.env['NETORCH_GOOD_REPORT'];
const HOSTS = ['h1', 'h2'];

const done = new Set(
  report !== undefined && existsSync(report)
    ? readFileSync(report, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { seed: number }).seed)
    : [],
);

describeInLab(
  'good changes',
  (bench) => {
    const seeds = Array.from({ length: count }, (_, index) => first + index).filter(
      (seed) => !done.has(seed),
    );
    // All in one test: between tests the hosts are put back, and then each change would begin at the same state.
    test(`${seeds.length} of them, from seed ${first}`, { timeout: 0 }, async () => {
      const bad: string[] = [];
      for (const seed of seeds) {
        const networks = Object.fromEntries(
          HOSTS.map((host, index) => [host, goodChange(seed, index + 1)]),
        );
        const { text = '', probes = [] } = networks['h1'] ?? {};
        const variables = bench().variables(
          'good.yml',
          Object.fromEntries(HOSTS.map((host) => [host, { network: networks[host]?.network }])),
        );
        const playbook = bench().write('good-playbook.yml', [
          { name: text, hosts: 'cluster1', max_fail_percentage: 100, probes },
        ]);
        const run = await bench().apply(playbook, HOSTS.join(','), { inventory: [variables] });
        for (const host of HOSTS) {
          const { outcome, cause, durationMs, timings } = run.finished(host);
          const isGood = outcome === 'confirmed' || outcome === 'unchanged';
          const line = { seed, host, text, outcome, cause, durationMs, probeMs: timings.probeMs };
          if (report !== undefined) appendFileSync(report, `${JSON.stringify(line)}\n`);
          if (!isGood) bad.push(`${seed} ${host} (${text}): ${outcome}: ${cause}`);
        }
      }
      expect(bad).toEqual([]);
    });
  },
  { leastHosts: 2 },
);

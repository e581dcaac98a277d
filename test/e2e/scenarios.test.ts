/**
 * Scenarios in YAML (scenario-stage.ts), each on a fresh host of the lab's kernel: `scenarios/*.yml`, or the
 * files that `npm run test:scenarios -- FILE …` names. Those of networks.yml are played through NetworkManager too.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, inject, test } from 'vitest';
import { parse } from 'yaml';

import { Lab } from '../../src/lab/lab.js';
import { HOST as NETWORKMANAGER_HOST } from './networkmanager-host.js';
import { ScenarioHost } from './scenario-host.js';
import { Stage, scenarios, type Scenario } from './scenario-stage.js';

const own = join(import.meta.dirname, 'scenarios');
const files =
  process.env['NETORCH_SCENARIOS']?.split('\n') ??
  readdirSync(own)
    .sort()
    .map((name) => join(own, name));
const read = (all: readonly string[]): readonly Scenario[] =>
  all.flatMap((file) => scenarios.parse(parse(readFileSync(file, 'utf8'))));
/** The other files begin with what `ip` has made, which NetworkManager leaves to others. */
const NETWORKS = join(own, 'networks.yml');

const suite = inject('labSuite');
const skipped = suite.missing === undefined ? '' : ` (skipped: ${suite.missing})`;
const isLocal = process.env['NETORCH_SCENARIOS_HERE'] === '1';

describe.skipIf(suite.missing !== undefined)(`scenarios${skipped}`, () => {
  play('h1', 'auto', read(files));
});

const managed = isLocal ? [] : read(files.filter((file) => file === NETWORKS));
if (managed.length > 0) {
  describe.skipIf(suite.missing !== undefined)(`scenarios, nmcli${skipped}`, () => {
    play(NETWORKMANAGER_HOST, 'nmcli', managed);
  });
}

/** A test for each, in the suite that is being described. */
function play(name: string, backend: 'auto' | 'nmcli', all: readonly Scenario[]): void {
  let host: ScenarioHost | undefined;
  beforeAll(async () => {
    if (suite.missing !== undefined) return;
    const lab = isLocal ? undefined : await Lab.open(suite.labDir);
    host = await ScenarioHost.start(lab, name, { networkManager: backend === 'nmcli' });
  });
  beforeEach(async () => {
    await host?.open();
  });
  afterAll(async () => {
    await host?.stop();
  });

  for (const { id, title, before, steps } of all) {
    test(`${id}: ${title}`, async () => {
      if (host === undefined) throw new Error('the lab is not open yet');
      const stage = new Stage(host, backend);
      if (before !== undefined) await host.sh(`set -e\n${before}`);
      for (const item of steps) await stage.play(item);
    });
  }
}

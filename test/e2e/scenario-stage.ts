/**
 * What a scenario in YAML may hold, and how it is played on a host (scenario-host.ts). A scenario is an id, a title,
 * the host `before` (shell) and steps, each of one kind:
 *
 * - `apply: PLAN`: rolls the plan out as `netorch apply` does. `outcome` (a regular expression; else
 *   confirmed). Unless the host went back, planning again then gives nothing. `kill: EVENT`: the controller
 *   is gone for good from that event on, and `outcome` is what the host itself does.
 * - `plan: PLAN`: `empty: true`, or what the output `says` (regular expressions), or what it is `refused` with.
 * - `check: SHELL`: must succeed, each line of it. `shell: SHELL`: somebody else does something.
 *
 * An `apply` can have more:
 *
 * - `meanwhile: SHELL`: after the controller was killed, somebody does this.
 * - `ssh: ADDRESS`: where the controller reaches the host. It answers at addresses that it has, but at none of `deaf`.
 * - `rival: {apply: PLAN, outcome}`: before the plan is confirmed, another controller comes with this one.
 *
 * Besides: `keeps` (what of the host, by a regular expression over its readings, the step leaves as it is),
 * `variables` of the host, `probes` of the play, `prune`, `deadline` in seconds.
 */
import { expect } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';

import type { ObservedHost } from '../../src/agents/observed-host.js';
import { NetorchError, NetorchErrors, formatError, throwCollected } from '../../src/errors.js';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import type { DesiredState } from '../../src/network/desired.js';
import { parseDesiredState } from '../../src/network/parse.js';
import { checkDesiredState } from '../../src/network/validate.js';
import type { BackendChoice } from '../../src/plan/choose-backend.js';
import { planHost } from '../../src/plan/plan-host.js';
import { networkPlanFor } from '../../src/playbook/network-plan.js';
import { parsePlaybook, probesFor } from '../../src/playbook/playbook.js';
import type { Probe } from '../../src/playbook/probe.js';
import type { RunEventBody } from '../../src/run/events.js';
import type { HostResult } from '../../src/run/host-job.js';
import { runHost } from '../../src/run/host-run.js';
import { observeHost } from '../../src/run/observe-host.js';
import type { Transport } from '../../src/transport/transport.js';
import { renderPlan } from '../../src/ui/plan-text.js';
import { sshTarget } from '../run/ssh-target.js';
import type { ScenarioHost } from './scenario-host.js';

const HOST = 'h1';

const step = z.strictObject({
  apply: z.unknown().optional(),
  plan: z.unknown().optional(),
  check: z.string().optional(),
  shell: z.string().optional(),
  outcome: z.string().optional(),
  kill: z.enum(['host.armed', 'host.applied']).optional(),
  empty: z.literal(true).optional(),
  refused: z.string().optional(),
  says: z.array(z.string()).optional(),
  keeps: z.string().optional(),
  variables: z.record(z.string(), z.unknown()).optional(),
  probes: z.array(z.unknown()).optional(),
  prune: z.boolean().optional(),
  deadline: z.number().optional(),
  meanwhile: z.string().optional(),
  ssh: z.string().optional(),
  deaf: z.array(z.string()).optional(),
  rival: z.strictObject({ apply: z.unknown(), outcome: z.string() }).optional(),
});
export type Step = z.output<typeof step>;

export type Scenario = z.output<typeof scenarios>[number];

export const scenarios = z.array(
  z.strictObject({
    id: z.string(),
    title: z.string(),
    before: z.string().optional(),
    steps: z.array(step).min(1),
  }),
);

const TARGET = sshTarget(HOST, '192.0.2.1');

/** From the step's document to what is asked of the host, on the way that a playbook goes. */
function wish(item: Step): Readonly<{ desired: DesiredState; probes: readonly Probe[] }> {
  const hosts = { all: { hosts: { [HOST]: item.variables ?? {} } } };
  const inventory = createInventory(
    readInventoryGraph([{ file: 'inventory.yml', text: stringify(hosts) }]),
  );
  const play = {
    hosts: 'all',
    network: item.apply ?? item.plan,
    ...(item.probes === undefined ? {} : { probes: item.probes }),
  };
  const [only] = parsePlaybook('scenario.yml', stringify([play])).plays;
  const document = networkPlanFor(HOST, only, inventory);
  if (only === undefined || document === undefined) throw new Error('the step has no plan');
  const desired = parseDesiredState(document);
  throwCollected(checkDesiredState(desired));
  return { desired, probes: probesFor(HOST, only, inventory) };
}

function errorText(error: unknown): string {
  if (error instanceof NetorchError) return formatError(error);
  if (error instanceof NetorchErrors) return error.errors.map(formatError).join('\n');
  throw error;
}

/** One host, and who carries its plans out. */
export class Stage {
  readonly #host: ScenarioHost;
  readonly #backend: BackendChoice;
  #transactions = 0;

  constructor(host: ScenarioHost, backend: BackendChoice = 'auto') {
    this.#host = host;
    this.#backend = backend;
  }

  async play(item: Step): Promise<void> {
    const script = item.check ?? item.shell;
    if (script !== undefined) {
      await this.#host.sh(`set -e\n${script}`);
      return;
    }
    const before = await this.#kept(item);
    await (item.apply === undefined ? this.#plan(item) : this.#apply(item));
    if (before !== undefined) expect(await this.#kept(item)).toEqual(before);
  }

  async observe(): Promise<ObservedHost> {
    const transport = this.#host.transport(() => true);
    return observeHost(HOST, await transport.connect(TARGET));
  }

  async #kept({ keeps }: Step): Promise<readonly string[] | undefined> {
    if (keeps === undefined) return undefined;
    const { lines, daemonRoutes } = await this.observe();
    return [...lines, ...daemonRoutes.map((route) => JSON.stringify(route))]
      .filter((line) => new RegExp(keeps).test(line) && !/ inet6 fe80:.* scope link/.test(line))
      .toSorted();
  }

  /** Rolls a plan out as it is, whatever comes of it. */
  async rollOut(apply: unknown): Promise<HostResult> {
    const transport = this.#host.transport(() => true);
    return this.#run({ apply }, 'root@controller', transport, () => undefined).run;
  }

  async #plan(item: Step): Promise<void> {
    let text = '';
    let count = 0;
    let isRefused = false;
    try {
      const plan = planHost(HOST, await this.observe(), wish(item).desired, {
        prune: item.prune === true,
        backend: this.#backend,
      });
      count = plan.changes.length;
      text = renderPlan([{ host: HOST, plan: count === 0 ? undefined : plan }], {
        colour: false,
        width: 10_000,
      });
    } catch (error) {
      isRefused = true;
      text = errorText(error);
    }
    if (item.refused !== undefined) expect(text).toMatch(new RegExp(item.refused));
    for (const words of item.says ?? []) expect(text).toMatch(new RegExp(words));
    expect({ text, isRefused, isEmpty: count === 0 }).toMatchObject({
      isRefused: item.refused !== undefined,
      isEmpty: item.refused !== undefined || item.empty === true,
    });
  }

  #run(
    item: Step,
    owner: string,
    transport: Transport,
    emit: (event: RunEventBody) => void,
  ): Readonly<{ id: string; run: Promise<HostResult> }> {
    this.#transactions += 1;
    const id = `20260101T0000${String(this.#transactions).padStart(2, '0')}-scenario`;
    const run = runHost(
      {
        host: HOST,
        target: { ...TARGET, ...(item.ssh === undefined ? {} : { address: item.ssh }) },
        ...wish(item),
        prune: item.prune === true,
        confirmWindowSeconds: item.deadline ?? 60,
        temporary: true,
        backend: this.#backend,
        expectedFingerprint: undefined,
      },
      {
        transport,
        emit,
        now: () => performance.now(),
        date: () => new Date(),
        stopping: new AbortController().signal,
        newTransactionId: () => id,
        newNonce: () => `nonce of ${owner}`,
        owner: `${owner}, run 20260101T000000-5ce7a0`,
      },
    );
    return { id, run };
  }

  /** Another controller, which comes while a plan waits for its confirmation. */
  async #rival({ apply, outcome }: NonNullable<Step['rival']>): Promise<void> {
    const transport = this.#host.transport(() => true);
    const result = await this.#run({ apply }, 'root@rival', transport, () => undefined).run;
    expect(`${result.outcome} ${result.cause ?? ''}`).toMatch(new RegExp(`^(${outcome})`));
  }

  async #apply(item: Step): Promise<void> {
    const { desired } = wish(item);
    const prune = item.prune === true;
    let isThere = true;
    let rival: Promise<void> | undefined;
    const events: RunEventBody[] = [];
    const { ssh, deaf = [] } = item;
    const there = this.#host.transport(
      () => isThere,
      ssh === undefined ? undefined : (address) => !deaf.includes(address),
    );
    // Who shall be late with the confirmation waits before dialling.
    const transport: Transport = {
      connect: async (target, options) => {
        await rival;
        return there.connect(target, options);
      },
    };
    const { id, run } = this.#run(item, 'root@controller', transport, (event) => {
      events.push(event);
      if (event.type === item.kill) isThere = false;
      if (event.type === 'host.applied' && item.rival !== undefined) {
        rival ??= this.#rival(item.rival);
      }
    });
    const wanted = new RegExp(`^(${item.outcome ?? 'confirmed'}) `);
    if (item.kill !== undefined) {
      await expect.poll(() => isThere, { timeout: 120_000 }).toBe(false);
      if (item.meanwhile !== undefined) await this.#host.sh(`set -e\n${item.meanwhile}`);
      const end = `until ls /run/netorch/${id}/state.* | grep -E 'confirmed|rolled-back|incomplete'; do sleep 0.2; done`;
      expect((await this.#host.sh(end)).replace(/^.*state\.(\S+)\s*$/s, '$1 ')).toMatch(wanted);
      isThere = true; // so that the run ends
      const text = JSON.stringify([await run, events]);
      for (const words of item.says ?? []) expect(text).toMatch(new RegExp(words));
      return;
    }
    const { outcome, cause, ...others } = await run;
    await rival;
    expect(rival === undefined).toBe(item.rival === undefined);
    expect(`${outcome} ${cause ?? ''} ${JSON.stringify(others)}`).toMatch(wanted);
    for (const words of item.says ?? []) expect(JSON.stringify(events)).toMatch(new RegExp(words));
    if (outcome !== 'confirmed' && outcome !== 'unchanged') return;
    const again = planHost(HOST, await this.observe(), desired, {
      prune,
      backend: this.#backend,
    });
    expect(again.changes.map((change) => change.summary)).toEqual([]);
  }
}

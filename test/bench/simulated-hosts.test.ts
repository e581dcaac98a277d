import { describe, expect, test } from 'vitest';

import { FakeClock, JOB } from '../run/fake-host.js';
import { SimulatedHosts, fateOf, seeded, type Fate, type Fates } from './simulated-hosts.js';

const ALL: Fates = { refused: 0.1, lost: 0.2, slow: 0.3, rebooted: 0.1 };
const NONE: Fates = { refused: 0, lost: 0, slow: 0, rebooted: 0 };

describe('chance', () => {
  test('is the same for the same seed, and another for another', () => {
    const draw = (seed: number) => Array.from({ length: 5 }, seeded(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test('deals fates as often as they are wanted', () => {
    const random = seeded(7);
    const counts: Partial<Record<Fate, number>> = {};
    for (let host = 0; host < 10_000; host += 1) {
      const fate = fateOf(random, ALL);
      counts[fate] = (counts[fate] ?? 0) + 1;
    }
    for (const [fate, share] of Object.entries({ ...ALL, good: 0.3 })) {
      expect((counts[fate as Fate] ?? 0) / 10_000, fate).toBeCloseTo(share, 1);
    }
  });
});

describe('a simulated host', () => {
  const fleet = (fates: Fates) =>
    new SimulatedHosts(new FakeClock(), { seed: 1, fates, isSmall: true });

  test('is the same one until nobody will ask for it again', () => {
    const hosts = fleet(NONE);
    const host = hosts.host('h1', '10.0.0');
    expect(hosts.host('h1', '10.0.0')).toBe(host);
    hosts.forget('h1');
    expect(hosts.size).toBe(0);
    expect(hosts.host('h1', '10.0.0')).not.toBe(host);
  });

  test('answers after its time, with addresses of its own', async () => {
    const host = fleet(NONE).host('h1', '10.0.7');
    const { transport } = host.environment;
    const connection = await transport.connect(JOB.target);
    const { stdout } = await connection.exec('sh', { input: 'observe' });
    expect(stdout).toContain('10.0.7.130/25');
    expect(stdout).not.toContain('192.0.2.');
    expect(host.nowMs).toBeGreaterThan(0);
  });

  test('that is slow takes twenty times as long', async () => {
    const dialled = async (fates: Fates) => {
      const host = fleet(fates).host('h1', '10.0.0');
      await host.environment.transport.connect(JOB.target);
      return host.nowMs;
    };
    expect(await dialled({ ...NONE, slow: 1 })).toBeCloseTo(20 * (await dialled(NONE)));
  });

  test('that refuses is never reached', async () => {
    const host = fleet({ ...NONE, refused: 1 }).host('h1', '10.0.0');
    await expect(host.environment.transport.connect(JOB.target)).rejects.toThrow('refused');
  });
});

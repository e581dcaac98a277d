/** Stands in for src/transport/transports.ts in the bundle that scripts/bench-scale.js makes: dials simulated hosts. */
import { subscribe } from 'node:diagnostics_channel';

import type { RunEvent } from '../../src/run/events.js';
import type { Transport } from '../../src/transport/transport.js';
import { SimulatedHosts, type Simulation } from './simulated-hosts.js';
import { nowMs, startSkipping } from './skipped-time.js';

export function createTransport(): Transport {
  const wanted = JSON.parse(process.env['NETORCH_SIMULATION'] ?? '{}') as Simulation;
  const clock = {
    get nowMs() {
      return nowMs();
    },
    delay: (ms: number) =>
      new Promise<void>((resolve) => {
        setTimeout(resolve, ms);
      }),
    hosts: { push: () => undefined },
  };
  const hosts = new SimulatedHosts(clock, wanted);
  subscribe('netorch:emitted', (event) => {
    const told = event as RunEvent;
    if (told.type === 'host.finished') hosts.forget(told.host);
  });
  return {
    connect: async (target, options) => {
      startSkipping();
      const prefix = target.address.split('.').slice(0, 3).join('.');
      return hosts.host(target.host, prefix).environment.transport.connect(target, options);
    },
  };
}

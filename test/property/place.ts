/** Where the namespaces stand: on a host of the lab, or on this machine's own kernel. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Lab } from '../../src/lab/lab.js';
import { Guest } from './guest.js';

export type Place = Readonly<{ guest: Guest; leave: () => Promise<void> }>;

/** Of kinds that many machines' kernels lack (bonds, VLANs, dummies) there is nothing `here`. */
export async function placeFor(where: 'lab' | 'here'): Promise<Place> {
  if (where === 'here') {
    const guest = await Guest.start((script) => ({
      argv: ['sh', '-c', script],
      env: process.env,
    }));
    return { guest, leave: () => guest.stop() };
  }
  const running = process.env['NETORCH_E2E_LAB'];
  const lab =
    running === undefined
      ? await Lab.up({
          dir: process.env['NETORCH_PROPERTY_LAB'] ?? join(tmpdir(), `nl-property-${process.pid}`),
          hosts: [{ name: 'h1', init: 'minimal' }],
        })
      : await Lab.open(running);
  const guest = await Guest.start((script) =>
    lab.consoleCommand('h1', ['sh', '-c', `'${script.replaceAll("'", `'\\''`)}'`]),
  );
  return {
    guest,
    leave: async () => {
      await guest.stop();
      if (running === undefined) await lab.down();
    },
  };
}

// How often something goes to a host and back, one after the other: the same run over a path without delay and over
// one with, and what it takes longer, divided by the path's time there and back. What CPUs and hosts take goes out.
// TCP's own first trip is not in it: the path begins behind it.
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const ROUND_TRIP_MS = 300;

/** A port on all addresses of this machine that leads to another port at the same address, with a delay each way. */
class DelayedPath {
  delayMs = 0;
  #server;

  async listen(port, target) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = connect({ host: near.localAddress, port: target, noDelay: true });
      this.#lead(near, far);
      this.#lead(far, near);
    });
    this.#server.listen(port, '0.0.0.0');
    await once(this.#server, 'listening');
  }

  close() {
    this.#server.close();
  }

  #lead(from, to) {
    const later = (work) => setTimeout(() => work(), this.delayMs);
    from.on('data', (bytes) => later(() => to.writable && to.write(bytes)));
    from.on('end', () => later(() => to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => later(() => to.destroy()));
  }
}

/** Of the newest run in `folder`: how long its one host took. */
function hostMs(folder) {
  const runs = join(folder, 'state', 'netorch', 'runs');
  const newest = readdirSync(runs).toSorted().at(-1);
  const lines = readFileSync(join(runs, newest, 'events.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  const ended = lines.map((line) => JSON.parse(line)).find(({ type }) => type === 'host.finished');
  return ended.durationMs;
}

/** Round trips of each of `runs` (name → arguments of netorch, and what is done after it) to the host at `target`. */
export async function roundTrips({ folder, fleet, netorch, port, target, runs }) {
  const path = new DelayedPath();
  await path.listen(port, target);
  const inventory = fleet.writeInventory(port);
  const [{ name }] = fleet.hosts;
  const told = [];
  try {
    for (const { what, goal, args, after } of runs) {
      const took = [];
      for (const roundTripMs of [0, ROUND_TRIP_MS]) {
        path.delayMs = roundTripMs / 2;
        const { code, text } = await netorch.run([...args, '-i', inventory, '--hosts', name]);
        if (code !== 0) throw new Error(`${what}: exit code ${code}\n${text}`);
        took.push(hostMs(folder));
        if (after !== undefined) await netorch.run([...after, '-i', inventory, '--hosts', name]);
      }
      told.push({ what, goal, value: (took[1] - took[0]) / ROUND_TRIP_MS });
    }
  } finally {
    path.close();
  }
  return told;
}

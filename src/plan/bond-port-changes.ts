/** Queues and priorities of a bond's ports: what must be set, in an order that the kernel takes. */
import type { BondLink } from '../network/state.js';
import type { ModelInterface } from './kernel-model.js';

type PortChange = Readonly<{ name: string; options: Readonly<Record<string, string>> }>;

/**
 * The kernel refuses a queue that another port has (bond_option_queue_id_set): where ports swap theirs,
 * they give them up first.
 */
export function bondPortChanges(
  bond: BondLink,
  present: (port: string) => Pick<ModelInterface, 'portOptions'> | undefined,
): readonly PortChange[] {
  const changes = Object.entries(bond.portOptions ?? {}).flatMap(([name, wanted]): PortChange[] => {
    const now = present(name)?.portOptions ?? {};
    const options = Object.fromEntries(
      Object.entries(wanted).filter(([key, value]) => now[key] !== value),
    );
    return Object.keys(options).length === 0 ? [] : [{ name, options }];
  });
  const queueOf = (port: string): string => present(port)?.portOptions['queue_id'] ?? '0';
  const wantedQueues = new Set(changes.flatMap(({ options }) => options['queue_id'] ?? []));
  const givenUp = changes
    .filter(({ name, options }) => {
      const queue = queueOf(name);
      return (options['queue_id'] ?? '0') !== '0' && queue !== '0' && wantedQueues.has(queue);
    })
    .map(({ name }) => ({ name, options: { queue_id: '0' } }));
  // Those that go back to 0 make room for the others.
  const weight = ({ options }: PortChange): number => (options['queue_id'] === '0' ? 0 : 1);
  return [...givenUp, ...changes.toSorted((a, b) => weight(a) - weight(b))];
}

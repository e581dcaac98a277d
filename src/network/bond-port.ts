/** What a bond knows of each of its ports: `ports-config:` in documents. */
import { z } from 'zod';
import { interfaceReference } from './interface-name.js';
import { integer, mapping } from './scalars.js';
import type { BondMode } from './state.js';

/** By the kernel's words (IFLA_BOND_SLAVE_*): `queue_id` 0–65535, `prio` −2^31 … 2^31−1, as text. */
type PortOptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const portsConfigSection = z
  .array(
    mapping({
      name: interfaceReference,
      priority: integer(-2_147_483_648, 2_147_483_647).transform(String).optional(),
      'queue-id': integer(0, 65_535).transform(String).optional(),
    }),
    'must be a list of {name, priority, queue-id}',
  )
  .optional();

export function desiredPortsConfig(
  items: NonNullable<z.output<typeof portsConfigSection>>,
): PortOptions {
  return Object.fromEntries(
    items.map(({ name, priority, 'queue-id': queue }) => [
      name,
      {
        ...(priority === undefined ? {} : { prio: priority }),
        ...(queue === undefined ? {} : { queue_id: queue }),
      },
    ]),
  );
}

/** A port that comes to a bond begins with these (bond_enslave). */
export const NEW_BOND_PORT: Readonly<Record<string, string>> = { queue_id: '0', prio: '0' };

export function portsConfigDocument(options: PortOptions): readonly unknown[] {
  return Object.entries(options)
    .filter(([, values]) =>
      Object.entries(values).some(([key, value]) => NEW_BOND_PORT[key] !== value),
    )
    .map(([name, { prio, queue_id: queue }]) => ({
      name,
      ...(prio === undefined ? {} : { priority: Number(prio) }),
      ...(queue === undefined ? {} : { 'queue-id': Number(queue) }),
    }));
}

/** Modes in which a port has a priority (bond_options.c, BOND_OPT_PRIO). */
const PRIORITY_MODES: readonly BondMode[] = ['active-backup', 'balance-tlb', 'balance-alb'];

export function hasPriorities(mode: BondMode): boolean {
  return PRIORITY_MODES.includes(mode);
}

/** [port, sentence] for each mistake. `ports`: those of the bond, where they are known. */
export function portsConfigProblems(
  mode: BondMode | undefined,
  ports: readonly string[] | undefined,
  options: PortOptions,
): readonly (readonly [string, string])[] {
  const problems: [string, string][] = [];
  const queues = new Map<string, string>();
  for (const [port, { prio = '0', queue_id: queue = '0' }] of Object.entries(options)) {
    if (ports?.includes(port) === false) {
      problems.push([port, `ports-config names "${port}", which is not among its ports`]);
    }
    if (prio !== '0' && mode !== undefined && !hasPriorities(mode)) {
      problems.push([
        port,
        `priority does not go with mode ${mode}: it needs ${PRIORITY_MODES.join(' or ')}`,
      ]);
    }
    const other = queues.get(queue);
    if (queue !== '0' && other !== undefined) {
      problems.push([
        port,
        `queue-id ${queue} is that of "${other}" as well; only 0 may be shared`,
      ]);
    }
    queues.set(queue, port);
  }
  return problems;
}

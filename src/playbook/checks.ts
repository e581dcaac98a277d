/** `checks:` of a play: what is looked at after each wave. Probes run on its hosts, commands on the controller. */
import { z } from 'zod';
import { composeList, isPlainMap, locatedItems } from '../config/located.js';
import type { Located } from '../config/located.js';
import { parseWith } from '../config/schema-errors.js';
import { checkProbes } from './probe.js';
import { durationBetween, type CheckCommand } from './rollout-keys.js';

const DEFAULT_TIMEOUT_SECONDS = 60;

const COMMAND = 'must be a program and its arguments, such as [./check.sh, web]';

const commandSchema = z.strictObject({
  command: z.array(z.string({ error: COMMAND }).min(1), { error: COMMAND }).min(1, COMMAND),
  timeout: durationBetween(1, 3600, '1s to 1h').optional(),
});

export type Checks = Readonly<{ commands: readonly CheckCommand[]; probes: Located }>;

/** Throws UNKNOWN_KEY and INVALID_VALUE. The probes are not rendered yet. */
export function parseChecks(checks: Located): Checks {
  const items = locatedItems(checks);
  const isCommand = ({ value }: Located) => isPlainMap(value) && Object.hasOwn(value, 'command');
  const probes = composeList(
    items.filter((item) => !isCommand(item)),
    checks.locate([]),
  );
  checkProbes(probes);
  const commands = items.filter(isCommand).map((item): CheckCommand => {
    const { command, timeout } = parseWith(commandSchema, item, 'check');
    return { command, timeoutSeconds: timeout ?? DEFAULT_TIMEOUT_SECONDS };
  });
  return { commands, probes };
}

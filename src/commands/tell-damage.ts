/** Says on standard error what of a run's journal could not be read: what is told of the run then lacks it. */
import type { RunRecord } from '../run/journal-files.js';
import { damageText } from '../run/journal-text.js';

export function tellDamage({ run, damage }: RunRecord): void {
  for (const line of damageText(damage)) process.stderr.write(`run ${run}: ${line}\n`);
}

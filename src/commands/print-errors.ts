/** User errors on standard error; what came from hosts or files is printed without control characters. */
import { NetorchError, formatError, formatLocation, type NetorchErrors } from '../errors.js';
import { sanitiseLines } from '../ui/sanitise.js';

/** Of one error; a host may say as much as it likes. */
const LONGEST_TEXT = 16_000;

export function printErrors(error: NetorchError | NetorchErrors): void {
  const errors = error instanceof NetorchError ? [error] : error.errors;
  const lines = errors.flatMap((item) => sanitiseLines(formatError(item).slice(0, LONGEST_TEXT)));
  process.stderr.write(`${lines.join('\n')}\n`);
}

/** What the inventory holds and is passed over. */
export function printWarnings(warnings: readonly NetorchError[]): void {
  for (const warning of warnings) {
    const where = warning.location === undefined ? '' : `${formatLocation(warning.location)} `;
    const [line = ''] = sanitiseLines(`${where}warning: ${warning.message}`);
    process.stderr.write(`${line}\n`);
  }
}

import type { NetorchError } from '../errors.js';

/** As the user meets them, file by file; those without a place last. Stable for equal places. */
export function sortByPlace(errors: readonly NetorchError[]): readonly NetorchError[] {
  if (errors.length < 2) return errors;
  const files = [...new Set(errors.map((error) => error.location?.file))];
  return [...errors].sort((a, b) => {
    const [here, there] = [a.location, b.location];
    if (here === undefined || there === undefined)
      return +(here === undefined) - +(there === undefined);
    if (here.file !== there.file) return files.indexOf(here.file) - files.indexOf(there.file);
    return here.line === there.line ? here.column - there.column : here.line - there.line;
  });
}

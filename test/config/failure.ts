import { NetorchError, NetorchErrors, formatError } from '../../src/errors.js';

/** What a user would read, one entry an error; fails the test when nothing, or a bug, is thrown. */
export function failureOf(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    return userErrors(error);
  }
  throw new Error('nothing was thrown');
}

export async function rejectionOf(promise: Promise<unknown>): Promise<readonly string[]> {
  return promise.then(() => {
    throw new Error('nothing was thrown');
  }, userErrors);
}

function userErrors(error: unknown): readonly string[] {
  if (error instanceof NetorchError) return [formatError(error)];
  if (error instanceof NetorchErrors) return error.errors.map(formatError);
  throw error;
}

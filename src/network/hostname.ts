/** The hostname: the `hostname:` part of documents. */
import { z } from 'zod';
import { mapping } from './scalars.js';

const WORDS = 'must be a hostname of at most 64 letters, digits, "-" and "."';

/** What the kernel holds (__NEW_UTS_LEN, 64) and RFC 1123 allows. */
const hostname = z
  .string(WORDS)
  .max(64, WORDS)
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*$/,
    WORDS,
  );

export const hostnameSection = mapping({
  running: hostname.optional(),
  config: hostname.optional(),
});

/** Can a document say this? A host may be called anything. */
export function isWritableHostname(name: string): boolean {
  return hostname.safeParse(name).success;
}

/** What a command says, on both streams, is heard instead of written; until `vi.restoreAllMocks()`. */
import { vi } from 'vitest';

export function captureOutput(hear: (text: string) => void): void {
  const keep = (chunk: string | Uint8Array, ...rest: readonly unknown[]) => {
    hear(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
    const written = rest.at(-1);
    if (typeof written === 'function') queueMicrotask(() => written());
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
}

/** node:timers/promises, as much as netorch uses of it, by the timers that stand in globalThis. */

/** Rejects when aborted. */
export function setTimeout<T>(
  ms: number,
  value?: T,
  { signal }: Readonly<{ signal?: AbortSignal }> = {},
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new DOMException('The operation was aborted', 'AbortError'));
    };
    const timer = globalThis.setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve(value);
    }, ms);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

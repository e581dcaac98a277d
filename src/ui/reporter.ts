/** Whoever shows a run, or what hosts tell: fed with the events one by one, in order. */
import type { RunEvent } from '../run/events.js';

export interface Reporter<E = RunEvent> {
  /** Never throws: what cannot be shown must not stop a run. */
  handle(event: E): void;
  /**
   * Says the last words, restores the terminal and waits until all is written. Safe to call twice.
   * `goesOn`: the run does, and only this eye on it is closed: nothing was left undone.
   */
  close(how?: Readonly<{ goesOn: boolean }>): Promise<void>;
}

/** What of a stream a reporter uses; `process.stdout` fits. */
export interface OutputStream {
  write(text: string, done?: () => void): boolean;
}

/** Settles when everything written before has been handed over (or can no longer be). */
export function flushed(stream: OutputStream): Promise<void> {
  return new Promise((resolve) => {
    try {
      stream.write('', () => resolve());
    } catch {
      resolve();
    }
  });
}

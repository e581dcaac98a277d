/** The run's event stream: numbers and dates each event, and hands it to every listener in order. */
import { channel } from 'node:diagnostics_channel';

import type { EventListener, RunEvent, RunEventBody } from './events.js';

export type Emit = (body: RunEventBody) => void;

/**
 * For whoever looks into the process from outside its code (Node's diagnostics channels): each event, before
 * and after the listeners, the journal among them, have had it. Nobody listens unless preloaded by Node itself.
 */
const emitting = channel('netorch:emitting');
const emitted = channel('netorch:emitted');

export class EventStream {
  private readonly listeners: EventListener[] = [];
  private seq: number;
  private readonly clock: () => Date;

  /** `after`: the number of the last event that was told before, by an earlier process. */
  constructor(clock: () => Date, after = 0) {
    this.clock = clock;
    this.seq = after;
  }

  /** A listener that throws must not end a run: it is dropped, and `onBroken` is told. */
  listen(listener: EventListener, onBroken: (error: unknown) => void = () => undefined): void {
    const guarded: EventListener = (event) => {
      try {
        listener(event);
      } catch (error) {
        this.listeners.splice(this.listeners.indexOf(guarded), 1);
        onBroken(error);
      }
    };
    this.listeners.push(guarded);
  }

  readonly emit: Emit = (body) => {
    this.seq += 1;
    const event: RunEvent = { at: this.clock().toISOString(), seq: this.seq, ...body };
    emitting.publish(event);
    for (const listener of [...this.listeners]) listener(event);
    emitted.publish(event);
  };
}

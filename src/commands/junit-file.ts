/** `--junit FILE`: the runs of one command for a CI system. */
import { rmSync, writeFileSync } from 'node:fs';

import { NetorchError } from '../errors.js';
import type { EventListener, RunEvent } from '../run/events.js';
import { junitXml } from '../ui/junit.js';
import { reportRun } from '../ui/run-report.js';

/** Collects what the runs tell; `save` writes it. */
export class JunitFile {
  private readonly file: string;
  private readonly runs: RunEvent[][] = [];

  /**
   * Throws FILE_UNREADABLE before anything is begun. Until `save` there is no file, so that nobody takes
   * the results of an earlier run for those of this one.
   */
  constructor(file: string) {
    this.file = file;
    this.write('');
    rmSync(file, { force: true });
  }

  readonly listener: EventListener = (event) => {
    if (event.type === 'run.started') this.runs.push([]);
    // The states are large, and no part of it.
    if (event.type !== 'host.recorded') this.runs.at(-1)?.push(event);
  };

  save(): void {
    this.write(junitXml(this.runs.map(reportRun)));
  }

  private write(text: string): void {
    try {
      writeFileSync(this.file, text);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new NetorchError('FILE_UNREADABLE', `--junit: the file cannot be written: ${reason}`, {
        cause,
      });
    }
  }
}

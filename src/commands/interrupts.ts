/**
 * Ctrl-C, SIGTERM and SIGHUP during a run. Once: begin no new host, let the running ones end. Twice: leave;
 * the hosts under way roll back by themselves, and it is said which ones and when.
 */
import type { Emit } from '../run/event-stream.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type InterruptOptions = Readonly<{
  stop: AbortController;
  emit: Emit;
  /** Hosts with an open transaction, and when each is back to what it was (ISO time). */
  armed: () => readonly Readonly<{ host: string; announced: string }>[];
  /** Restores the terminal. */
  leave: () => Promise<void>;
}>;

export function interruptHandler(options: InterruptOptions): Readonly<{
  interrupt: () => void;
  install: () => void;
  uninstall: () => void;
}> {
  let times = 0;
  const interrupt = (): void => {
    times += 1;
    if (times === 1) {
      const count = options.armed().length;
      options.stop.abort();
      options.emit({
        type: 'run.stopping',
        reason: `interrupted: no new host is begun; ${count} under way run${count === 1 ? 's' : ''} to the end (again to leave at once)`,
      });
      return;
    }
    if (times > 2) process.exit(130);
    const left = options.armed();
    void options.leave().finally(() => {
      const lines =
        left.length === 0
          ? ['left: no host was under way']
          : [
              'left; these hosts were under way and roll back by themselves unless they were confirmed:',
              ...left.map(
                ({ host, announced }) => `  ${host}: back to what it was by ${announced}`,
              ),
              'see how they ended with: netorch status',
            ];
      process.stderr.write(`${lines.join('\n')}\n`);
      process.exit(130);
    });
  };
  return {
    interrupt,
    install: () => {
      for (const signal of SIGNALS) process.on(signal, interrupt);
    },
    uninstall: () => {
      for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    },
  };
}

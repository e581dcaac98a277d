/**
 * Ctrl-C, SIGTERM and SIGHUP during a run. Once: begin no new host, let the running ones end. Twice: leave;
 * the hosts under way roll back by themselves, and it is said which ones and when.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type InterruptOptions = Readonly<{
  /** Begin no new host. */
  stop: () => void;
  /** How many hosts have an open transaction. */
  armed: () => number;
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
      options.stop();
      return;
    }
    if (times > 2) process.exit(130);
    const left = options.armed();
    void options.leave().finally(() => {
      // The reporter has named the hosts under way and when each is back.
      if (left > 0) process.stderr.write('see how they ended with: netorch status\n');
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

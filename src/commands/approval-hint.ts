/** What is said when a run with `approve: manual` begins, so that nobody finds it waiting without knowing for what. */

export type ApprovalFacts = Readonly<{
  run: string;
  approve: 'auto' | 'manual';
  atomic: 'wave' | 'run' | undefined;
  /** How many the run has. */
  waves: number;
  /** Where this process itself puts the question. */
  asks: 'screen' | 'terminal' | 'nowhere';
}>;

/** One line, or none: the run waits for nobody, or its screen says what to press. Pure. */
export function approvalHint(facts: ApprovalFacts): readonly string[] {
  const { run, approve, atomic, waves, asks } = facts;
  if (approve === 'auto' || asks === 'screen') return [];
  if (atomic === undefined && waves < 2) return [];
  const when =
    atomic === undefined
      ? 'before each wave but the first'
      : atomic === 'wave'
        ? 'before each wave is confirmed'
        : 'before the hosts are confirmed';
  if (asks === 'terminal') {
    return [
      `approve: manual: ${when} this terminal is asked; "netorch approve ${run}" answers, too`,
    ];
  }
  return [
    `approve: manual, and no terminal to ask at: ${when} this run waits until "netorch approve ${run}" is said, by this user on this machine (--auto-approve says yes beforehand)`,
  ];
}

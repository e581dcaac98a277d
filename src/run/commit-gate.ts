/** Where the hosts of an atomic group wait for each other. */

/**
 * What the group wants of a host that is good. undefined: wait, and be seen again from time to time.
 * `secure`: move your deadline far enough for the decision. `confirm`: it is decided, confirm.
 */
export type GroupWord = 'secure' | 'confirm' | Readonly<{ goBack: string }>;

export interface CommitGate {
  readonly word: GroupWord | undefined;
  /** Seconds that a host's deadline must be ahead when the decision is made. */
  readonly commitSeconds: number;
  /** The host is proved good and stays so for a while. */
  good(host: string): void;
  /** Its deadline was moved, `secondsLeft` from now. */
  secured(host: string, secondsLeft: number): void;
  /** Settles as soon as the word is another than `known`. */
  changed(known: GroupWord | undefined): Promise<void>;
}

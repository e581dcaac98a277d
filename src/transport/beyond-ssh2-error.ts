import { NetorchError } from '../errors.js';

/** What ssh2 has no means for, and the system's ssh may have. */
export class BeyondSsh2Error extends NetorchError {
  /** Half a sentence: what it is that ssh2 cannot do. */
  readonly reason: string;

  constructor(error: NetorchError, reason: string) {
    super(error.code, error.message, { notes: error.notes, cause: error.cause });
    this.reason = reason;
  }
}

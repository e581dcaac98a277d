/**
 * The one error type that is meant for a user's eyes, and the codes it may carry.
 *
 * A `NetorchError` says where, what and what would be right; it is printed without a stack. Everything
 * else that is thrown is a bug: the command line prints one line and writes the details to a file.
 */

/** A place in a user's document. Lines and columns count from 1. */
export type SourceLocation = Readonly<{ file: string; line: number; column: number }>;

/** Closed union of codes; a code is never reused for another meaning. docs/errors.md lists them. */
export type ErrorCode =
  // usage and documents
  | 'USAGE'
  | 'FILE_NOT_FOUND'
  | 'FILE_UNREADABLE'
  | 'YAML_SYNTAX'
  | 'UNKNOWN_KEY'
  | 'INVALID_VALUE'
  | 'NOT_SUPPORTED'
  | 'TEMPLATE_ERROR'
  | 'UNDEFINED_VARIABLE'
  | 'PLAN_CONFLICT'
  | 'INVENTORY_ERROR'
  | 'UNKNOWN_HOST'
  | 'NO_HOSTS'
  | 'NO_INVENTORY'
  | 'NO_PLAYBOOK'
  | 'UNKNOWN_RUN'
  | 'JOURNAL_UNREADABLE'
  | 'CONTROLLER_SILENT'
  // network plans, checked against themselves and against the observed state
  | 'INVALID_NETWORK'
  | 'OWNED_BY_OTHER'
  | 'RECREATE_REFUSED'
  | 'CUT_OFF_REFUSED'
  // connections
  | 'HOST_UNREACHABLE'
  | 'CONNECTION_LOST'
  | 'AUTH_FAILED'
  | 'HOST_KEY_UNKNOWN'
  | 'HOST_KEY_MISMATCH'
  | 'BECOME_FAILED'
  // hosts
  | 'HOST_UNFIT'
  | 'HOST_BUSY'
  | 'HOST_CHANGED'
  | 'ADDRESS_IN_USE'
  | 'VLAN_UNANSWERED'
  | 'AGENT_PROTOCOL'
  | 'PLAN_STALE'
  // the lab
  | 'LAB_UNAVAILABLE'
  | 'LAB_FAILED';

export class NetorchError extends Error {
  readonly code: ErrorCode;
  readonly location: SourceLocation | undefined;
  /** One line each: further places or hints, printed below the message. */
  readonly notes: readonly string[];

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      location?: SourceLocation | undefined;
      notes?: readonly string[];
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NetorchError';
    this.code = code;
    this.location = options.location;
    this.notes = options.notes ?? [];
  }
}

/** Several user errors found in one go (all mistakes of a document are shown at once). */
export class NetorchErrors extends Error {
  readonly errors: readonly NetorchError[];

  constructor(errors: readonly NetorchError[]) {
    super(errors.map((error) => formatError(error)).join('\n'));
    this.name = 'NetorchErrors';
    this.errors = errors;
  }
}

/** Throws what was collected: nothing, the one error, or all of them together. */
export function throwCollected(errors: readonly NetorchError[]): void {
  const [first] = errors;
  if (first === undefined) return;
  if (errors.length === 1) throw first;
  throw new NetorchErrors(errors);
}

export function formatLocation(location: SourceLocation): string {
  return `${location.file}:${location.line}:${location.column}`;
}

/** `file:line:column CODE: message`, notes indented below. */
export function formatError(error: NetorchError): string {
  const head = error.location === undefined ? '' : `${formatLocation(error.location)} `;
  return [`${head}${error.code}: ${error.message}`, ...error.notes.map((note) => `  ${note}`)].join(
    '\n',
  );
}

/** For exhaustive switches: the compiler refuses the call while a case is missing. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}

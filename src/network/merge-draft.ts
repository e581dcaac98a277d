/** The state of a merge on its way: what is known, what was found wrong, what deserves a note. */
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { didYouMean } from '../config/nearest.js';
import { locationOf } from './desired.js';
import type { DesiredInterface, DesiredState } from './desired.js';
import type { InterfaceState, NetworkState } from './state.js';

/** Something that the plan did not say in so many words; one sentence in network words. */
export type MergeNote = Readonly<{ interface: string; text: string; warning?: boolean }>;

export class Draft {
  readonly observed: NetworkState;
  readonly desired: DesiredState;
  /** The target's interfaces so far. */
  readonly interfaces: Map<string, InterfaceState>;
  /** What the plan says, by name, without what it says to ignore. */
  readonly wanted: ReadonlyMap<string, DesiredInterface>;
  /** Their names from the bottom up; known when it is (see `checkBases`), from where on nothing is stacked anew. */
  order: readonly string[] = [];
  readonly errors: NetorchError[] = [];
  readonly notes: MergeNote[] = [];

  constructor(observed: NetworkState, desired: DesiredState) {
    this.observed = observed;
    this.desired = desired;
    this.interfaces = new Map(observed.interfaces);
    const wanted = new Map<string, DesiredInterface>();
    for (const item of desired.interfaces) if (item.state !== 'ignore') wanted.set(item.name, item);
    this.wanted = wanted;
  }

  /** Replaces some properties of an interface of the target. */
  change(name: string, values: Partial<InterfaceState>): void {
    const present = this.interfaces.get(name);
    if (present !== undefined) this.interfaces.set(name, { ...present, ...values });
  }

  before(name: string): InterfaceState | undefined {
    return this.observed.interfaces.get(name);
  }

  note(name: string, text: string): void {
    this.notes.push({ interface: name, text });
  }

  /** An INVALID_NETWORK error at a key of an interface of the plan. */
  error(desired: DesiredInterface, key: string, text: string): void {
    this.errorAt(locationOf(desired, key), `interface "${desired.name}": ${text}`);
  }

  errorAt(location: SourceLocation | undefined, text: string): void {
    this.errors.push(new NetorchError('INVALID_NETWORK', text, { location }));
  }

  /** `h1 has no interface "eth9" (did you mean …)`. */
  missing(name: string): string {
    const host = this.observed.hostname ?? 'the host';
    return `${host} has no interface "${name}"${didYouMean(name, this.interfaces.keys())}`;
  }
}

/**
 * A plan as it grows: what is planned so far, and the model of the kernel (kernel-model.ts) in which it was
 * carried out, so that whoever adds to it sees what the host will be like by then.
 */
import { interfacesByName, type DesiredInterface, type DesiredState } from '../network/desired.js';
import type { MergeNote } from '../network/merge-draft.js';
import type { InterfaceState, NetworkState } from '../network/state.js';
import type { Change, DhcpTool, ManagementPath, Operation } from './change.js';
import { identity } from './describe.js';
import { KernelModel } from './kernel-model.js';

export type PlanInput = Readonly<{
  host: string;
  observed: NetworkState;
  target: NetworkState;
  desired: DesiredState;
  management: ManagementPath | undefined;
  /** What merging noticed, e.g. ports that stay on a bridge though no plan names them. */
  notes: readonly MergeNote[];
  /** DHCP clients that are installed, in the order of preference. */
  dhcpClients: readonly DhcpTool[];
}>;

/** A reason, and the place in the document that asks for it; without one it is a consequence. */
export type Why = Change['why'];

/** A change whose hazards are not known yet: they show when the plan is whole. */
export type DraftChange = Omit<Change, 'hazards' | 'touchesManagement'> & {
  operations: Operation[];
};

export class PlanDraft {
  readonly input: PlanInput;
  readonly model: KernelModel;
  readonly changes: DraftChange[] = [];
  readonly desired: ReadonlyMap<string, DesiredInterface>;
  /** Interfaces that cannot be changed in place, and are made anew. */
  readonly recreated: ReadonlySet<string>;
  /** How often a change of this name was begun: the second and later ones are numbered. */
  private readonly uses = new Map<string, number>();
  private count = 0;

  constructor(input: PlanInput) {
    this.input = input;
    this.model = new KernelModel(input.observed);
    this.desired = interfacesByName(input.desired);
    const recreated = new Set<string>();
    for (const [name, { link }] of input.target.interfaces) {
      const now = input.observed.interfaces.get(name)?.link;
      if (now === undefined || now === link) continue;
      if (now.kind !== link.kind || identity(now) !== identity(link)) recreated.add(name);
    }
    this.recreated = recreated;
  }

  /** How many operations there are so far. */
  get operationCount(): number {
    return this.count;
  }

  /** Adds operations to the change of this id: to the last one, if it is that, else to a new one. */
  emit(
    change: Readonly<{
      id: string;
      action: Change['action'];
      object: string;
      summary: string;
      why: Why;
    }>,
    ...operations: Operation[]
  ): void {
    for (const operation of operations) this.model.apply(operation);
    this.count += operations.length;
    const last = this.changes.at(-1);
    if (last !== undefined && last.id === change.id) {
      last.operations.push(...operations);
      return;
    }
    const uses = (this.uses.get(change.id) ?? 0) + 1;
    this.uses.set(change.id, uses);
    const id = uses === 1 ? change.id : `${change.id} #${uses}`;
    // Key by key: V8 gives each object that is spread from another and then gets further keys a hidden class of
    // its own, and whoever reads it later has to look up where its values are.
    const { action, object, summary, why } = change;
    this.changes.push({ id, action, object, summary, why, operations });
  }

  /** The first of `keys` that the plan gives for this interface, with its place; else whose consequence it is. */
  why(name: string, keys: readonly string[], consequence: string): Why {
    const wanted = this.desired.get(name);
    for (const key of keys) {
      const location = wanted?.locations.get(key);
      if (location !== undefined) return { text: key === '' ? name : `${name}: ${key}`, location };
      const reason = wanted?.reasons?.get(key);
      if (reason !== undefined) return { text: reason, location: undefined };
    }
    return { text: consequence, location: undefined };
  }

  /** Goes for good, or to be made anew. */
  mustGo(name: string): boolean {
    return !this.input.target.interfaces.has(name) || this.recreated.has(name);
  }

  /** A port of a bond has the bond's MTU and MAC. */
  followsBond(wanted: InterfaceState): boolean {
    return (
      wanted.controller !== undefined &&
      this.input.target.interfaces.get(wanted.controller)?.link.kind === 'bond'
    );
  }
}

/** The plan for programs. The form is an API: fields are added, never changed; `version` counts breaks. */
import type { NetorchError, SourceLocation } from '../errors.js';
import type { Change, FleetFinding, Hazard, Wait } from '../plan/change.js';
import type { HostPlan, PlanTotals } from './plan-text.js';
import { countPlans } from './plan-text.js';

type JsonHazard = Pick<Hazard, 'kind' | 'severity' | 'text'>;

type JsonChange = Readonly<{
  id: string;
  action: Change['action'];
  object: string;
  summary: string;
  why: Readonly<{ text: string; location: SourceLocation | null }>;
  hazards: readonly JsonHazard[];
  touchesManagement: boolean;
}>;

type JsonError = Readonly<{
  code: string;
  message: string;
  location: SourceLocation | null;
  notes: readonly string[];
}>;

export type JsonHostPlan = Readonly<{
  host: string;
  status: 'changed' | 'unchanged' | 'error';
  changes: readonly JsonChange[];
  hazards: readonly JsonHazard[];
  /** Interfaces that the transaction may change, directly or by consequence. */
  scope: readonly string[];
  touchesManagement: boolean;
  newManagementAddress: string | null;
  expectedOutageSeconds: number;
  /** What must be waited for before the change can be proved good, one after the other. */
  waits: readonly Wait[];
  error: JsonError | null;
}>;

type JsonFinding = Readonly<{
  kind: FleetFinding['kind'];
  severity: FleetFinding['severity'];
  hosts: readonly string[];
  text: string;
  location: SourceLocation | null;
}>;

export type JsonPlan = Readonly<{
  version: 1;
  hosts: readonly JsonHostPlan[];
  /** What only shows when the hosts are looked at together. */
  findings: readonly JsonFinding[];
  totals: PlanTotals;
}>;

/** Ready for `JSON.stringify`; what does not apply is null or empty, never missing. */
export function planToJson(
  plans: readonly HostPlan[],
  findings: readonly FleetFinding[] = [],
): JsonPlan {
  return {
    version: 1,
    hosts: plans.map((item) => hostToJson(item)),
    findings: findings.map((finding) => ({ ...finding, location: finding.location ?? null })),
    totals: countPlans(plans),
  };
}

function hostToJson({ host, plan, error }: HostPlan): JsonHostPlan {
  const shown = error === undefined ? plan : undefined;
  const changes = (shown?.changes ?? []).map((change) => changeToJson(change));
  return {
    host,
    status: error !== undefined ? 'error' : changes.length > 0 ? 'changed' : 'unchanged',
    changes,
    hazards: (shown?.hazards ?? []).map((hazard) => hazardToJson(hazard)),
    scope: shown?.scope ?? [],
    touchesManagement: shown?.touchesManagement ?? false,
    newManagementAddress: shown?.newManagementAddress ?? null,
    expectedOutageSeconds: shown?.expectedOutageSeconds ?? 0,
    waits: shown?.waits ?? [],
    error: error === undefined ? null : errorToJson(error),
  };
}

function changeToJson(change: Change): JsonChange {
  const { id, action, object, summary, why, hazards, touchesManagement } = change;
  return {
    id,
    action,
    object,
    summary,
    why: { text: why.text, location: why.location ?? null },
    hazards: hazards.map((hazard) => hazardToJson(hazard)),
    touchesManagement,
  };
}

function hazardToJson({ kind, severity, text }: Hazard): JsonHazard {
  return { kind, severity, text };
}

function errorToJson({ code, message, location, notes }: NetorchError): JsonError {
  return { code, message, location: location ?? null, notes };
}

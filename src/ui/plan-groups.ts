/**
 * Hosts whose plans are the same but for values of their own (addresses, MAC addresses) share one plan:
 * each such value is shown as a letter, and a table says what it is for which host. Pure.
 */
import type { ChangePlan, Hazard } from '../plan/change.js';

export type PlanOfHost = Readonly<{ host: string; plan: ChangePlan }>;

export type PlanGroup = Readonly<{
  hosts: readonly string[];
  /** Of one host as it is; of several with letters in the place of what differs. */
  plan: ChangePlan;
  /** A letter and its value for each host, in the order of `hosts`; none when the plans are identical. */
  columns: readonly Readonly<{ letter: string; values: readonly string[] }>[];
}>;

/** MAC addresses, IPv4 and IPv6 addresses, the last two with or without a prefix length. */
const VALUE =
  /(?<![0-9a-f:.])(?:(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?!:)|\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?|(?:[0-9a-f]{1,4}:){0,7}:?(?::[0-9a-f]{1,4}){1,7}(?:\/\d{1,3})?)(?![0-9a-f:])/g;

/** Private-use characters around a number: no text of a plan holds them. */
const OPEN = '\u{e000}';
const CLOSE = '\u{e001}';
const PLACE = /\u{e000}(\d+)\u{e001}/gu;

function mapTexts(plan: ChangePlan, map: (text: string) => string): ChangePlan {
  const hazard = (item: Hazard): Hazard => ({ ...item, text: map(item.text) });
  const { newManagementAddress } = plan;
  return {
    ...plan,
    changes: plan.changes.map((change) => ({
      ...change,
      summary: map(change.summary),
      why: { ...change.why, text: map(change.why.text) },
      hazards: change.hazards.map(hazard),
    })),
    hazards: plan.hazards.map(hazard),
    newManagementAddress:
      newManagementAddress === undefined ? undefined : map(newManagementAddress),
  };
}

type Masked = Readonly<{ host: string; plan: ChangePlan; values: readonly string[]; key: string }>;

function mask({ host, plan }: PlanOfHost): Masked {
  const values: string[] = [];
  const masked = mapTexts(plan, (text) =>
    text.replace(VALUE, (value) => {
      let index = values.indexOf(value);
      if (index < 0) index = values.push(value) - 1;
      return `${OPEN}${index}${CLOSE}`;
    }),
  );
  const { changes, hazards, newManagementAddress, touchesManagement, expectedOutageSeconds } =
    masked;
  const key = JSON.stringify([
    changes.map(({ action, summary, why, hazards: own, touchesManagement: touches }) => [
      action,
      summary,
      why,
      own,
      touches,
    ]),
    hazards,
    newManagementAddress,
    touchesManagement,
    expectedOutageSeconds,
  ]);
  return { host, plan: masked, values, key };
}

/** A, B … Z, AA, AB … */
function letterOf(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letterOf(Math.floor(index / 26) - 1) + last;
}

/** In the order of each group's first host. */
export function groupPlans(
  plans: readonly PlanOfHost[],
  decorate: (letter: string) => string,
): readonly PlanGroup[] {
  const groups = new Map<string, [Masked, ...Masked[]]>();
  for (const item of plans.map(mask)) {
    const group = groups.get(item.key);
    if (group === undefined) groups.set(item.key, [item]);
    else group.push(item);
  }
  return [...groups.values()].map((members) => {
    const [first] = members;
    const columns: { letter: string; values: readonly string[] }[] = [];
    const shown = first.values.map((value, index) => {
      const values = members.map((member) => member.values[index] ?? '');
      if (values.every((other) => other === value)) return value;
      const letter = letterOf(columns.length);
      columns.push({ letter, values });
      return decorate(letter);
    });
    return {
      hosts: members.map((member) => member.host),
      plan: mapTexts(first.plan, (text) =>
        text.replace(PLACE, (_, index: string) => shown[Number(index)] ?? ''),
      ),
      columns,
    };
  });
}

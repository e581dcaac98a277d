/** DHCP and autoconf in a plan: which clients stop and start, and in what order beside the rest. */
import { NetorchError } from '../errors.js';
import { settingKeys, settingsMark } from '../network/dhcp.js';
import type { DhcpState, InterfaceState } from '../network/state.js';
import type { DhcpTool, Operation } from './change.js';
import type { PlanDraft } from './plan-draft.js';

/** First of all: a client that runs would put back what is taken away. */
export function stopDhcp(draft: PlanDraft): void {
  for (const present of draft.input.observed.interfaces.values()) {
    const wanted = draft.input.target.interfaces.get(present.name);
    const operation = stopOperation(present);
    if (operation === undefined) continue;
    if (!draft.mustGo(present.name) && !mustStop(present, wanted)) continue;
    const lease = leaseText(present);
    draft.emit(
      {
        id: `stop dhcp ${present.name}`,
        action: 'modify',
        object: present.name,
        summary: `end DHCP on ${present.name} without giving the lease back${lease === '' ? '' : `: -${lease}`}`,
        why: draft.why(
          present.name,
          ['ipv4.dhcp', 'ipv4.enabled', 'ipv4', 'state'],
          wanted?.controller === undefined
            ? 'consequence of the plan'
            : `${present.name} becomes a port of ${wanted.controller}`,
        ),
      },
      operation,
    );
  }
}

/** DHCP and autoconf, when the interface is up. */
export function settleDynamic(draft: PlanDraft, wanted: InterfaceState): void {
  const item = draft.model.get(wanted.name);
  const { dhcp } = wanted.ipv4;
  if (item === undefined || !wanted.up) return;
  const { autoconf } = wanted.ipv6;
  if (autoconf !== undefined && item.autoconf !== autoconf && wanted.ipv6.enabled) {
    draft.emit(
      {
        id: `set autoconf ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: autoconf
          ? `take IPv6 addresses and routes of ${wanted.name} from router advertisements`
          : `take no router advertisements on ${wanted.name}, and what they gave away`,
        why: draft.why(wanted.name, ['ipv6.autoconf', 'ipv6'], 'it was so before'),
      },
      {
        op: 'set-autoconf',
        name: wanted.name,
        enabled: autoconf,
        forwards: draft.input.observed.interfaces.get(wanted.name)?.facts?.forwards6 === true,
      },
    );
  }
  if (dhcp === undefined || item.hasDhcp) return;
  const location = draft.desired.get(wanted.name)?.locations.get('ipv4.dhcp');
  const tool = chooseTool(draft.input.host, wanted.name, dhcp, draft.input.dhcpClients, location);
  const expected =
    dhcp.expected === undefined
      ? ''
      : `, expecting ${`${dhcp.expected.ip}/${dhcp.expected.prefixLength}`}`;
  draft.emit(
    {
      id: `start dhcp ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: `start DHCP on ${wanted.name} (${tool.replace('busybox-', '')})${expected}`,
      why: draft.why(wanted.name, ['ipv4.dhcp', 'ipv4'], 'it was so before'),
    },
    { op: 'start-dhcp', name: wanted.name, tool, dhcp },
  );
}

/** Does the client that runs do what the plan asks for? Without settings any client does. */
export function isServedBy(wanted: DhcpState, present: DhcpState): boolean {
  const mark = settingsMark(wanted.settings);
  if (mark === '') return true;
  return present.process?.command.some((word) => word.endsWith(`/udhcpc${mark}.sh`)) === true;
}

/** Must the client that runs on an interface end, as far as the target says? */
export function mustStop(present: InterfaceState, wanted: InterfaceState | undefined): boolean {
  const { dhcp } = present.ipv4;
  if (dhcp?.process === undefined) return false;
  const after = wanted?.ipv4.dhcp;
  return after === undefined || !isServedBy(after, dhcp);
}

export function stopOperation(present: InterfaceState): Operation | undefined {
  const { dhcp } = present.ipv4;
  if (dhcp?.process === undefined || dhcp.client === undefined) return undefined;
  return { op: 'stop-dhcp', name: present.name, client: dhcp.client, process: dhcp.process };
}

/**
 * The client to start: the one that served the address before, if it can do what is asked for. Throws
 * HOST_UNFIT.
 */
export function chooseTool(
  host: string,
  name: string,
  dhcp: DhcpState,
  installed: readonly DhcpTool[],
  location: NetorchError['location'],
): DhcpTool {
  const keys = settingKeys(dhcp.settings);
  const isFit = (tool: DhcpTool): boolean => keys.length === 0 || tool.endsWith('udhcpc');
  const fit = installed.filter(isFit);
  const found = fit.find((tool) => tool === dhcp.client) ?? fit[0];
  if (found !== undefined) return found;
  throw new NetorchError(
    'HOST_UNFIT',
    installed.length === 0
      ? `${host}: ${name} shall have DHCP, but there is no DHCP client on the host`
      : `${host}: ${keys.join(', ')} of ${name}: netorch can ask this of udhcpc only, and the host has ${installed.join(', ')}`,
    {
      location,
      notes: ['install dhclient (isc-dhcp-client) or udhcpc (busybox)'].filter(
        () => installed.length === 0,
      ),
    },
  );
}

/** An address for the summary: `192.0.2.145/24`. */
export function leaseText(present: InterfaceState): string {
  const own = [
    ...(present.ipv4.dhcp?.process?.leases.map((lease) => lease.address) ?? []),
    ...(present.ipv4.dhcp?.process?.permanent ?? []),
  ];
  return own.map(({ ip, prefixLength }) => `${ip}/${prefixLength}`).join(', ');
}

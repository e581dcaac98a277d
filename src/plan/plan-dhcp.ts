/** Which DHCP clients stop and start in a plan. */
import { NetorchError } from '../errors.js';
import { settingKeys, settingsMark } from '../network/dhcp.js';
import type { DhcpState, InterfaceState } from '../network/state.js';
import type { DhcpTool, Operation } from './change.js';

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

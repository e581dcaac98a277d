/** Static addresses: taken off before an interface becomes a port, and put back where the kernel lost them. */
import {
  isSubordinatePort,
  type InterfaceState,
  type IpAddress,
  type IpFamily,
} from '../network/state.js';
import type { Operation } from './change.js';
import type { PlanDraft } from './plan-draft.js';

export function removeAddresses(draft: PlanDraft, wanted: InterfaceState): void {
  const item = draft.model.get(wanted.name);
  if (item === undefined) return;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const target = wanted[family].addresses;
    const present = [...item[family]];
    // The first IPv4 address is the primary one: to change it, all must go.
    const isNewPrimary =
      family === 'ipv4' &&
      target[0] !== undefined &&
      present[0] !== undefined &&
      !sameAddress(target[0], present[0]);
    for (const address of present) {
      const list = family === 'ipv4' ? item.ipv4 : item.ipv6;
      if (!list.some((other) => sameAddress(other, address))) continue;
      if (!isNewPrimary && target.some((other) => sameAddress(other, address))) continue;
      changeAddresses(draft, wanted, family, {
        op: 'delete-address',
        name: wanted.name,
        family,
        address,
      });
    }
  }
}

export function addAddresses(draft: PlanDraft, wanted: InterfaceState): void {
  const item = draft.model.get(wanted.name);
  if (item === undefined || wanted.link.kind === 'other') return;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const present = family === 'ipv4' ? item.ipv4 : item.ipv6;
    for (const address of wanted[family].addresses) {
      if (present.some((other) => sameAddress(other, address))) continue;
      changeAddresses(draft, wanted, family, {
        op: 'add-address',
        name: wanted.name,
        family,
        address,
      });
    }
  }
}

function changeAddresses(
  draft: PlanDraft,
  wanted: InterfaceState,
  family: IpFamily,
  operation: Operation,
): void {
  const observed = draft.input.observed.interfaces.get(wanted.name)?.[family].addresses ?? [];
  const target = wanted[family].addresses;
  const words = [
    ...observed
      .filter((a) => !target.some((b) => sameAddress(a, b)))
      .map((a) => `-${addressText(a)}`),
    ...target
      .filter((a) => !observed.some((b) => sameAddress(a, b)))
      .map((a) => `+${addressText(a)}`),
  ];
  const consequence = !isSubordinatePort(wanted, draft.input.target.interfaces)
    ? 'put back: the kernel takes it away in the course of the changes'
    : `${wanted.name} becomes a port of ${wanted.controller ?? ''}`;
  const isRemoval = operation.op === 'delete-address';
  draft.emit(
    {
      id: `${isRemoval ? 'remove' : 'set'} ${family} addresses ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: isRemoval
        ? `remove addresses of ${wanted.name}: ${words.filter((word) => word.startsWith('-')).join(', ') || 'to set them in another order'}`
        : `set addresses of ${wanted.name}: ${words.filter((word) => word.startsWith('+')).join(', ') || target.map(addressText).join(', ')}`,
      why: draft.why(
        wanted.name,
        [`${family}.addresses`, `${family}.enabled`, family, 'state'],
        consequence,
      ),
    },
    operation,
  );
}

function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.ip === b.ip && a.prefixLength === b.prefixLength;
}

function addressText(address: IpAddress): string {
  return `${address.ip}/${address.prefixLength}`;
}

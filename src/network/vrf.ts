/** VRFs: the `vrf:` part of documents. */
import { z } from 'zod';
import { interfaceReference } from './interface-name.js';
import { integer, mapping } from './scalars.js';
import type { VrfLink } from './state.js';

const ports = z.array(interfaceReference, 'must be a list of names').optional();

export const vrfSection = mapping({
  port: ports,
  ports,
  'route-table-id': integer(1, 4_294_967_295).optional(),
});

export type VrfSection = z.output<typeof vrfSection>;

export function vrfDocument(link: VrfLink): Readonly<Record<string, unknown>> {
  return { 'route-table-id': link.table, port: link.ports };
}

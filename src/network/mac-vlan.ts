/** MAC VLANs and MAC VTAPs: the `mac-vlan:` and `mac-vtap:` parts of documents. */
import type { z } from 'zod';
import type { DesiredInterface } from './desired.js';
import { interfaceReference } from './interface-name.js';
import { mapping, oneOf, truth } from './scalars.js';
import type { MacVlanLink } from './state.js';

/** In the order of nmstate's manual; `passthrough` is how libvirt spells it. */
const macVlanMode = oneOf(['vepa', 'bridge', 'private', 'passthru', 'source'], {
  aliases: { passthrough: 'passthru' },
});

export const macVlanSection = mapping({
  'base-iface': interfaceReference.optional(),
  mode: macVlanMode.optional(),
  promiscuous: truth.optional(),
  // Another word of nmstate for the same.
  'accept-all-mac': truth.optional(),
});

export function desiredMacVlan(
  section: z.output<typeof macVlanSection>,
): NonNullable<DesiredInterface['macVlan']> {
  const { 'base-iface': base, mode, promiscuous = section['accept-all-mac'] } = section;
  return {
    ...(base === undefined ? {} : { base }),
    ...(mode === undefined ? {} : { mode }),
    ...(promiscuous === undefined ? {} : { promiscuous }),
  };
}

export function macVlanDocument(link: MacVlanLink): Readonly<Record<string, unknown>> {
  const { base, mode, promiscuous } = link;
  return {
    'base-iface': base,
    mode,
    ...(macVlanProblem(link) === undefined ? { promiscuous } : {}),
  };
}

/**
 * What is wrong with the mode. The kernel's flag "nopromisc" means something in passthru mode only, and
 * nmstate refuses it elsewhere.
 */
export function macVlanProblem(
  link: Readonly<{ mode?: MacVlanLink['mode']; promiscuous?: boolean }>,
): string | undefined {
  if (link.promiscuous !== false || link.mode === undefined || link.mode === 'passthru') {
    return undefined;
  }
  return `promiscuous: false goes with mode passthru only, not with ${link.mode}`;
}

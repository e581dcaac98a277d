/** Names of interfaces: the kernel's rule, made narrower so that a name is harmless wherever it ends up. */
import { z } from 'zod';

const WORDS =
  'must be 1–15 of the characters A–Z a–z 0–9 _ . @ + -, not beginning with "-", and not "." or ".."';

/**
 * The bridge without ports that VDSM keeps on every host of oVirt, for virtual machines whose NICs are plugged into
 * nothing: nobody's network, and no name for a script. Hosts may have it and documents may name it; it is passed over.
 */
export const VDSM_DUMMY = ';vdsmdummy;';

/** Entries of /proc/sys/net/ipv4/conf and /sys/class/net that an interface of that name would collide with. */
const TAKEN = new Set(['all', 'default', 'bonding_masters']);

/**
 * What is wrong with a name, as "must be …"; undefined when it is good.
 *
 * The kernel (dev_valid_name) refuses an empty name, more than 15 bytes, '.', '..', '/', ':' and
 * whitespace. Beyond that only the characters listed are let through, and no leading '-': names come
 * from hosts too, and end in scripts. The same check is therefore used for observed names.
 */
export function interfaceNameProblem(name: string): string | undefined {
  if (!/^[A-Za-z0-9_.@+][A-Za-z0-9_.@+-]{0,14}$/.test(name) || name === '.' || name === '..') {
    return WORDS;
  }
  if (TAKEN.has(name)) return 'must be another name: the kernel uses this one itself';
  return undefined;
}

/** A name that refers to an interface: its own, or an alternative one, which may be longer. */
export const interfaceReference = z.string({ error: WORDS }).check((context) => {
  const name = context.value;
  const isSriov = name.startsWith('sriov:');
  if (!isSriov && name.length > 15 && interfaceNameProblem(name.slice(0, 15)) === undefined) {
    if (/^[A-Za-z0-9_.@+-]{16,127}$/.test(name)) return;
  }
  context.issues.push(...nameIssues(name));
});

export const interfaceName = z.string({ error: WORDS }).check((context) => {
  context.issues.push(...nameIssues(context.value));
});

function nameIssues(name: string) {
  if (name.startsWith('sriov:')) {
    return [
      {
        code: 'custom' as const,
        input: name,
        message: `"${name}": SR-IOV virtual functions are not done by netorch yet`,
        params: { code: 'NOT_SUPPORTED', whole: true },
      },
    ];
  }
  const problem = interfaceNameProblem(name);
  return problem === undefined ? [] : [{ code: 'custom' as const, input: name, message: problem }];
}

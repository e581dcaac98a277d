/** `serial:` — how many hosts are changed together, wave by wave. */

/** One step of `serial`: a number of hosts (0: all that are left) or a share of all hosts of the play. */
export type SerialStep = Readonly<{ hosts: number }> | Readonly<{ percent: number }>;

/**
 * Hosts cut into waves, as Ansible does: a percentage counts all hosts of the play, is truncated and
 * at least 1; the last step repeats; no steps means one wave.
 */
export function serialWaves(
  hosts: readonly string[],
  serial: readonly SerialStep[],
): readonly (readonly string[])[] {
  const waves: (readonly string[])[] = [];
  let start = 0;
  while (start < hosts.length) {
    const step = serial[waves.length] ?? serial.at(-1) ?? { hosts: 0 };
    const size =
      'percent' in step
        ? Math.max(1, Math.floor((hosts.length * step.percent) / 100))
        : Math.floor(step.hosts);
    const end = size <= 0 ? hosts.length : start + size;
    waves.push(hosts.slice(start, end));
    start = end;
  }
  return waves;
}

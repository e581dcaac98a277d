/** `serial:` — how many hosts are changed together, wave by wave. */

/** One step of `serial`: a number of hosts (0: all that are left) or a share of all hosts of the play. */
export type SerialStep = Readonly<{ hosts: number }> | Readonly<{ percent: number }>;

/**
 * Hosts of the wave with this index, at most, as Ansible counts them: a percentage is of all `hosts` of
 * the play, truncated and at least 1; the last step repeats; no steps means one wave.
 */
export function serialSize(wave: number, hosts: number, serial: readonly SerialStep[]): number {
  const step = serial[wave] ?? serial.at(-1) ?? { hosts: 0 };
  const size =
    'percent' in step
      ? Math.max(1, Math.floor((hosts * step.percent) / 100))
      : Math.floor(step.hosts);
  return size <= 0 ? Math.max(hosts, 1) : size;
}

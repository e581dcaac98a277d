/** What a failed step means, in network words with the command's own words below. Pure. */
import type { Segment } from '../backends/steps.js';
import type { Change } from '../plan/change.js';

export type FailureText = Readonly<{ cause: string; details: readonly string[] }>;

/** RTNETLINK's errors (errno texts) as they are met when a network is changed. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/Cannot find device|No such device|does not exist/i, 'the interface is not there (any more)'],
  [/File exists/i, 'something of that name, or that very route, is already there'],
  [/Device or resource busy/i, 'the interface is in use by something else'],
  [/Numerical result out of range/i, 'the value is outside what this interface takes'],
  [
    /Network is unreachable|Nexthop has invalid gateway|No route to host/i,
    'the gateway is not reachable from any address of the interface',
  ],
  [/Network is down|Link has been severed/i, 'the interface below is down'],
  [
    /Unknown device type|Operation not supported/i,
    'the kernel of this host cannot do it (is the module there?)',
  ],
  [/No space left|Cannot allocate memory|No buffer space/i, 'the host has no room for it'],
  [/Operation not permitted/i, 'the kernel refuses it in this situation'],
  [/Invalid argument/i, 'the kernel does not take the value'],
];

/** `failure`: the lines "segment N" and standard error, as the host's status gives them. */
export function failureText(
  failure: readonly string[],
  segments: readonly Segment[],
  changes: readonly Change[],
): FailureText {
  const number = Number(/^segment (\d+)/.exec(failure[0] ?? '')?.[1] ?? '0');
  const segment = segments[number - 1];
  const said = failure.slice(1).filter((line) => line.trim() !== '');
  const lineNumber = Number(
    said.map((line) => /Command failed .*:(\d+)/.exec(line)?.[1]).find((n) => n !== undefined) ??
      '1',
  );
  const line = segment?.lines[lineNumber - 1];
  const change = changes.find((item) => item.id === line?.change);
  const words = said.filter((text) => !text.startsWith('Command failed'));
  const meaning = MEANINGS.find(([pattern]) => words.some((text) => pattern.test(text)))?.[1];
  return {
    cause: `the host refused to ${change?.summary ?? 'carry out a step'}${meaning === undefined ? '' : `: ${meaning}`}`,
    details: [
      ...(line === undefined
        ? []
        : [`step: ${segment?.tool === 'write' ? 'write' : (segment?.tool ?? '')} ${line.text}`]),
      ...words.map((text) => `the host said: ${text}`),
    ],
  };
}

/** A nmstate document (with netorch's few own keys) to the desired state; every mistake with its place. */
import { z } from 'zod';
import { childOf, isPlainMap, locatedAt, locatedItems } from '../config/located.js';
import type { Located } from '../config/located.js';
import { parseWith, valueText } from '../config/schema-errors.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import type { DesiredRoute, DesiredRule, DesiredState } from './desired.js';
import { desiredDns, dnsSection } from './dns.js';
import { sortByPlace } from './error-order.js';
import { VDSM_DUMMY } from './interface-name.js';
import { parseInterface } from './parse-interface.js';
import { desiredRoute, routeEntry } from './route.js';
import { desiredRule, familiesOf, ruleEntry } from './rule.js';
import { documentation, mapping, oneOf, refused } from './scalars.js';
import { hostnameSection } from './hostname.js';
import { expandShorthand, finishShorthand } from './shorthand.js';

const NO_CAPTURES =
  'NMPolicy captures are not done by netorch; write variables as {{ name }} instead';

const list = z
  .unknown()
  .check((context) => {
    const { value: input } = context;
    if (Array.isArray(input)) return;
    const isCapture = typeof input === 'string' && input.includes('capture.');
    context.issues.push(
      isCapture
        ? {
            code: 'custom',
            input,
            message: NO_CAPTURES,
            params: { code: 'NOT_SUPPORTED', whole: true },
          }
        : { code: 'custom', input, message: 'must be a list' },
    );
  })
  .optional();

/** The outermost keys of a document in the long form. */
export const topLevel = mapping({
  description: documentation,
  // netorch's own key.
  policy: oneOf(['vdsm', 'none']).optional(),
  interfaces: list,
  routes: mapping({ config: list, running: documentation }).optional(),
  'route-rules': mapping({ config: list, running: documentation }).optional(),
  'dns-resolver': documentation, // read on its own, below
  hostname: documentation, // read on its own, below
  'ovs-db': refused('Open vSwitch is not done by netorch yet'),
  ovn: refused('OVN is not done by netorch'),
  capture: refused(NO_CAPTURES),
  desired: refused('an NMPolicy is not read by netorch; give what stands under its desired:'),
  desiredState: refused('give what stands under desiredState: itself'),
  apiVersion: refused('this is a Kubernetes object; give what stands under its spec.desiredState:'),
  kind: documentation,
  metadata: documentation,
  spec: documentation,
});

/** Throws UNKNOWN_KEY, INVALID_VALUE, NOT_SUPPORTED and INVALID_NETWORK errors, all of them at once. */
export function parseDesiredState(document: Located): DesiredState {
  const long = finishShorthand(expandShorthand(document));
  const root: Located = { value: withoutEmpty(long.value) ?? {}, locate: long.locate };
  const errors: NetorchError[] = [];
  const top = collect(errors, '', () => parseWith(topLevel, root, '')) ?? root.value;

  const interfaces = items(root, ['interfaces']).flatMap((item) => {
    if (childOf(item.value, 'name') === VDSM_DUMMY) return [];
    const found = collect(errors, prefixOf(item), () => parseInterface(item));
    return found === undefined ? [] : [found];
  });
  const routes = items(root, ['routes', 'config']).flatMap((item): DesiredRoute[] => {
    const entry = collect(errors, 'route: ', () => parseWith(routeEntry, item));
    if (entry === undefined || entry.state === 'ignore') return [];
    return [desiredRoute(entry, item.locate([]))];
  });
  const rules = items(root, ['route-rules', 'config']).flatMap((item): DesiredRule[] => {
    const entry = collect(errors, 'route rule: ', () => parseWith(ruleEntry, item));
    if (entry === undefined || entry.state === 'ignore') return [];
    if (familiesOf(entry).size > 1) {
      errors.push(
        new NetorchError(
          'INVALID_NETWORK',
          'route rule: family, ip-from and ip-to mix IPv4 and IPv6; a rule is for one family',
          { location: item.locate([]) },
        ),
      );
      return [];
    }
    return [desiredRule(entry, item.locate([]))];
  });
  const dnsPart = locatedAt(root, ['dns-resolver']);
  const dns =
    childOf(top, 'dns-resolver') === undefined
      ? undefined
      : collect(errors, 'dns-resolver: ', () => parseWith(dnsSection, dnsPart));

  const namePart = locatedAt(root, ['hostname']);
  const names =
    childOf(top, 'hostname') === undefined
      ? undefined
      : collect(errors, 'hostname: ', () => parseWith(hostnameSection, namePart));
  // What a boot reads is not written before the change is confirmed; both name the running one.
  const hostname = names?.config ?? names?.running;

  throwCollected(sortByPlace(errors));
  const { policy } = top as Readonly<{ policy?: string }>;
  return {
    ...(policy === 'vdsm' ? { policy } : {}),
    interfaces,
    routes,
    rules,
    dns: dns?.config === undefined ? undefined : desiredDns(dns.config, dnsPart.locate(['config'])),
    ...(hostname === undefined
      ? {}
      : { hostname: { name: hostname, location: namePart.locate([]) } }),
  };
}

/** The result, or undefined when it threw errors for the user: those are collected, with the prefix. */
function collect<T>(errors: NetorchError[], prefix: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    const found =
      thrown instanceof NetorchErrors
        ? thrown.errors
        : thrown instanceof NetorchError
          ? [thrown]
          : undefined;
    if (found === undefined) throw thrown;
    for (const error of found) {
      errors.push(
        new NetorchError(error.code, `${prefix}${error.message}`, {
          location: error.location,
          notes: error.notes,
        }),
      );
    }
    return undefined;
  }
}

function items(root: Located, path: readonly string[]): readonly Located[] {
  return locatedItems(locatedAt(root, path));
}

function prefixOf(item: Located): string {
  const name = childOf(item.value, 'name');
  return typeof name === 'string' ? `interface ${valueText(name)}: ` : 'interface: ';
}

/** A key without a value (`mtu:`) says nothing, as in nmstate; what follows need not know of null. */
function withoutEmpty(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map((item) => (item === null ? null : withoutEmpty(item)));
  if (!isPlainMap(value)) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutEmpty(item)]));
}

/** What programs print that are called with `--list` and `--host NAME` (dynamic inventories). */
import { isPlainMap } from '../config/located.js';
import type { Located } from '../config/located.js';
import { valueText } from '../config/schema-errors.js';
import { TaggedText } from '../config/tagged-text.js';
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import type { GraphBuilder } from './graph-builder.js';

/** The answers of one program. */
export type ProgramOutput = Readonly<{
  /** The program, as it is shown. */
  file: string;
  list: unknown;
  /** Answers to `--host NAME`, for programs whose list has no `_meta.hostvars`. */
  hosts: ReadonlyMap<string, unknown>;
}>;

type Decrypt = (ciphertext: string, location: SourceLocation) => string;

/** Throws INVENTORY_ERROR for what is no JSON; an empty answer to `--host` is no variables. */
export function parseProgramJson(file: string, call: string, text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new NetorchError('INVENTORY_ERROR', `${call} printed no JSON: ${reason}`, {
      location: { file, line: 1, column: 1 },
      cause,
    });
  }
}

/** Hosts whose variables have to be asked for one by one: none where `_meta.hostvars` has them. */
export function hostsToAskFor(list: unknown): readonly string[] {
  if (!isPlainMap(list)) return [];
  const meta = list['_meta'];
  if (isPlainMap(meta) && Object.hasOwn(meta, 'hostvars')) return [];
  const names = Object.entries(list).flatMap(([name, group]) => {
    if (name === '_meta') return [];
    const hosts: unknown = groupOf(name, group)['hosts'];
    return Array.isArray(hosts) ? hosts.filter((host) => typeof host === 'string') : [];
  });
  return [...new Set(names)];
}

export function readProgramOutput(
  builder: GraphBuilder,
  { file, list, hosts: answers }: ProgramOutput,
  decrypt: Decrypt,
): void {
  const location: SourceLocation = { file: `${file} --list`, line: 1, column: 1 };
  const fail = (text: string): void => builder.error(location, text);
  if (!isPlainMap(list)) return fail(`printed ${valueText(list)}, must be a JSON object of groups`);
  const named = new Set<string>();
  for (const [name, data] of Object.entries(list)) {
    if (name === '_meta') continue;
    const group = builder.group(name, location);
    const { hosts, vars, children } = groupOf(name, data);
    if (hosts !== undefined && !Array.isArray(hosts)) {
      fail(`the hosts of group "${name}" are ${valueText(hosts)}, must be a list of names`);
    }
    for (const host of Array.isArray(hosts) ? (hosts as unknown[]) : []) {
      if (typeof host !== 'string') {
        fail(`group "${name}" has the host ${valueText(host)}, must be a name`);
      } else if (builder.isHostName(host, location)) {
        builder.host(host, location, group);
        named.add(host);
      }
    }
    if (vars !== undefined && !isPlainMap(vars)) {
      fail(`the vars of group "${name}" are ${valueText(vars)}, must be an object`);
    }
    for (const [key, value] of variablesOf(vars, location, decrypt)) {
      builder.setGroupVar(group, key, value);
    }
    const names: unknown[] = Array.isArray(children) ? children : [];
    if (children !== undefined && !Array.isArray(children)) {
      fail(`the children of group "${name}" are ${valueText(children)}, must be a list of names`);
    }
    for (const child of names) {
      if (typeof child !== 'string' || child === '') {
        fail(`group "${name}" has the child ${valueText(child)}, must be a name`);
        continue;
      }
      builder.group(child, location);
      builder.link(group, child, location);
    }
  }
  const meta = list['_meta'];
  const hostVars = isPlainMap(meta) ? meta['hostvars'] : undefined;
  for (const host of named) {
    const isInMeta = isPlainMap(hostVars) && Object.hasOwn(hostVars, host);
    const asked = { ...location, file: `${file} --host ${host}` };
    const at = isInMeta ? location : asked;
    const vars = isInMeta ? hostVars[host] : answers.get(host);
    if (vars !== undefined && !isPlainMap(vars)) {
      builder.error(at, `the variables of "${host}" are ${valueText(vars)}, must be an object`);
    }
    for (const [key, value] of variablesOf(vars, at, decrypt)) builder.setHostVar(host, key, value);
  }
}

/** A list is its hosts; an object without any of the three keys is one host with variables. */
function groupOf(name: string, data: unknown): Readonly<Record<string, unknown>> {
  if (!isPlainMap(data)) return { hosts: data };
  const isGroup = ['hosts', 'vars', 'children'].some((key) => Object.hasOwn(data, key));
  return isGroup ? data : { hosts: [name], vars: data };
}

function variablesOf(
  vars: unknown,
  location: SourceLocation,
  decrypt: Decrypt,
): readonly (readonly [string, Located])[] {
  if (!isPlainMap(vars)) return [];
  return Object.entries(vars).map(([key, value]) => [
    key,
    { value: withTags(value, location, decrypt), locate: () => location },
  ]);
}

/** `{"__ansible_vault": …}` and `{"__ansible_unsafe": …}` are texts, in Ansible's JSON. */
function withTags(value: unknown, location: SourceLocation, decrypt: Decrypt): unknown {
  if (Array.isArray(value)) return value.map((item) => withTags(item, location, decrypt));
  if (!isPlainMap(value)) return value;
  const vault = value['__ansible_vault'];
  if (typeof vault === 'string') {
    return new TaggedText('vault', vault, () => decrypt(vault, location));
  }
  const unsafe = value['__ansible_unsafe'];
  if (typeof unsafe === 'string') return new TaggedText('unsafe', unsafe, () => unsafe);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '__proto__')
      .map(([key, item]) => [key, withTags(item, location, decrypt)]),
  );
}

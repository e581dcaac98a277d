/** All sources of an inventory, read in order into one graph of groups and hosts. */
import { parseDocument } from '../config/document.js';
import { isPlainMap } from '../config/located.js';
import type { Located } from '../config/located.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import { GraphBuilder } from './graph-builder.js';
import type { InventoryGraph } from './graph-builder.js';
import { parseHostAddress } from './host-address.js';
import { readIniInventory } from './ini-inventory.js';
import { readProgramOutput } from './program-inventory.js';
import type { ProgramOutput } from './program-inventory.js';
import { LOCKED_VAULT } from './vault.js';
import type { Vault } from './vault.js';
import { readYamlInventory } from './yaml-inventory.js';

/** A file of an inventory; `either` is YAML if it can be read as a map, else INI. */
export type InventoryFile = Readonly<{
  kind?: 'yaml' | 'ini' | 'either';
  /** As it is shown. */
  file: string;
  /** Absolute path; what `inventory_file` and `inventory_dir` are made of. */
  path?: string;
  text: string;
}>;

export type InventorySource =
  | InventoryFile
  | (ProgramOutput & Readonly<{ kind: 'program'; path?: string }>)
  | Readonly<{ kind: 'list'; names: readonly string[] }>;

/**
 * Reads the sources in order; of one variable of the same host or group, the later source wins.
 * Stricter than Ansible, which goes on with half an inventory: whatever is not understood is an error.
 */
export function readInventoryGraph(
  sources: readonly InventorySource[],
  vault: Vault = LOCKED_VAULT,
): InventoryGraph {
  const builder = new GraphBuilder();
  for (const source of sources) {
    if (source.kind === 'list') {
      builder.source = undefined;
      readHostList(builder, source.names);
      continue;
    }
    builder.source = source.path;
    if (source.kind === 'program') {
      readProgramOutput(builder, source, (text, at) => vault.open(text, at).toString('utf8'));
    } else {
      readFile(builder, source, vault);
    }
  }
  builder.finish();
  throwCollected(builder.errors);
  return builder;
}

function readFile(builder: GraphBuilder, source: InventoryFile, vault: Vault): void {
  const { file, text, kind = 'yaml' } = source;
  if (kind === 'ini' || (kind === 'either' && startsWithSection(text))) {
    return readIniInventory(builder, file, text);
  }
  let document: Located;
  try {
    document = parseDocument(file, text, {
      yaml11: true,
      decrypt: (ciphertext, at) => vault.open(ciphertext, at).toString('utf8'),
    });
  } catch (error) {
    const errors = errorsOf(error);
    if (kind === 'either') readAsIni(builder, source, errors);
    else builder.errors.push(...errors);
    return;
  }
  if (isPlainMap(document.value) || kind === 'yaml') readYamlInventory(builder, document);
  else readIniInventory(builder, file, text);
}

/** No YAML at all: then it is INI; but if it is none either, the mistakes told are those of YAML. */
function readAsIni(
  builder: GraphBuilder,
  { file, text }: InventoryFile,
  yamlErrors: readonly NetorchError[],
): void {
  const looksLikeYaml = /^[^#;\n[]*:\s*$/m.test(text) || /^(?:---|%)/.test(text);
  if (looksLikeYaml) {
    const trial = new GraphBuilder();
    readIniInventory(trial, file, text);
    if (trial.errors.length > 0) {
      builder.errors.push(...yamlErrors);
      return;
    }
  }
  readIniInventory(builder, file, text);
}

/** The first line that says anything is `[group]`: no YAML map begins like that. */
function startsWithSection(text: string): boolean {
  return /^(?:\uFEFF)?(?:[ \t]*(?:[#;].*)?\r?\n)*[ \t]*\[/.test(text);
}

/** Names and addresses without ranges, as they are typed after `-i`. */
function readHostList(builder: GraphBuilder, names: readonly string[]): void {
  const location = { file: names.join(','), line: 1, column: 1 };
  const ungrouped = builder.group('ungrouped', location);
  for (const name of names) {
    const address = parseHostAddress(name);
    const host = address?.host ?? name;
    if (host.includes('[')) {
      builder.error(location, `"${name}": ranges are not expanded in a list of hosts`, [
        'write the names, or an inventory file',
      ]);
    } else if (!builder.hosts.has(host) && builder.isHostName(host, location)) {
      builder.host(host, location, ungrouped, address?.port);
    }
  }
}

function errorsOf(error: unknown): readonly NetorchError[] {
  if (error instanceof NetorchError) return [error];
  if (error instanceof NetorchErrors) return error.errors;
  throw error;
}

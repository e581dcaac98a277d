/** YAML (and so JSON) text to plain data that knows where it was written. */
import {
  type Alias,
  LineCounter,
  type Scalar,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument as parseYaml,
} from 'yaml';
import type { Node, Pair, ScalarTag, Tags, YAMLError, YAMLMap, YAMLSeq } from 'yaml';
import { NetorchError, formatLocation, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { childOf } from './located.js';
import type { Located } from './located.js';
import { TaggedText } from './tagged-text.js';

export type DocumentOptions = Readonly<{
  /**
   * Read scalars as Ansible does (PyYAML, YAML 1.1): `yes`, `no`, `on`, `off` are booleans, `010` is
   * 8. Two differences on purpose: dates stay text, and so does a number in base 60 with more than
   * three parts, for that is a MAC address (`52:54:00:12:34:56`).
   */
  yaml11?: boolean;
  /**
   * Opens the text of a `!vault` value; it is called when the value is used, not when it is read.
   * Without it `!vault` and `!unsafe` are refused.
   */
  decrypt?: (ciphertext: string, location: SourceLocation) => string;
}>;

/** Deeper documents are refused: nothing real is, and recursion has to end somewhere. */
const MAX_DEPTH = 64;
/** Nodes that aliases may expand to; a few nested aliases can ask for billions. */
const MAX_ALIASED_NODES = 50_000;

/** After one slip in its syntax the rest of a document often looks wrong too: show the first few. */
const MAX_SYNTAX_ERRORS = 5;

/** The place of each part of a document, in the document's own shape. */
type Places = { at: SourceLocation; children: Map<string, Places> | undefined };

/**
 * Parses one document. An entry of a map is located at its key, an item of a list at the item.
 * An empty document is null. Throws YAML_SYNTAX (or NOT_SUPPORTED for `!vault`), all errors at once.
 */
export function parseDocument(file: string, text: string, options: DocumentOptions = {}): Located {
  const lines = new LineCounter();
  const at = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parseYaml(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false, // found by the reader, which can name both places
    merge: true,
    logLevel: 'error', // 'silent' would hide a second document
    version: options.yaml11 === true ? '1.1' : '1.2',
    customTags: (tags) => [
      ...plainTags(tags, options.yaml11 === true),
      ...(options.decrypt === undefined ? [] : ANSIBLE_TAGS),
    ],
  });
  const mistakes = [...document.errors, ...document.warnings];
  const exhausted = mistakes.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) {
    throw new NetorchError('YAML_SYNTAX', tooDeep(), { location: at(0), cause: exhausted });
  }
  throwCollected(mistakes.slice(0, MAX_SYNTAX_ERRORS).map((error) => syntaxError(error, at, text)));
  const reader = new Reader(at, text, options.decrypt);
  const read = reader.node(document.contents, 0, 1);
  throwCollected(reader.errors);
  return {
    value: read.value,
    locate: (path) => {
      let places = read.places;
      for (const key of path) {
        const next = places.children?.get(String(key));
        if (next === undefined) break;
        places = next;
      }
      return places.at;
    },
  };
}

type Read = { value: unknown; places: Places };

/** Walks the parsed nodes once, collecting values, places and errors. */
class Reader {
  readonly errors: NetorchError[] = [];
  readonly #at: (offset: number) => SourceLocation;
  /** Where a text without a newline at its end stops. */
  readonly #cutOffAt: number;
  readonly #decrypt: DocumentOptions['decrypt'];
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Alias, Node | undefined>();
  readonly #open = new Set<Node>();
  #aliasDepth = 0;
  #aliasedNodes = 0;

  constructor(
    at: (offset: number) => SourceLocation,
    text: string,
    decrypt: DocumentOptions['decrypt'],
  ) {
    this.#at = at;
    this.#cutOffAt = text.endsWith('\n') ? Number.POSITIVE_INFINITY : text.length;
    this.#decrypt = decrypt;
  }

  node(node: Node | null, offset: number, depth: number): Read {
    const start = node?.range?.[0] ?? offset;
    const places: Places = { at: this.#at(start), children: undefined };
    if (node === null) return { value: null, places };
    if (depth > MAX_DEPTH) return this.#fail(places, tooDeep());
    if (this.#aliasDepth > 0) {
      this.#aliasedNodes += 1;
      if (this.#aliasedNodes === MAX_ALIASED_NODES) {
        return this.#fail(
          places,
          `aliases expand to more than ${MAX_ALIASED_NODES} values; write fewer nested aliases`,
        );
      }
      if (this.#aliasedNodes > MAX_ALIASED_NODES) return { value: null, places };
    }
    if (isAlias(node)) return this.#alias(node, places, depth);
    // An anchor is bound at its first reading; what an alias repeats must not bind it anew.
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined && this.#aliasDepth === 0) this.#anchors.set(anchor, node);
    if (isScalar(node)) return { value: this.#scalar(node, places.at), places };
    this.#open.add(node);
    try {
      if (isMap(node)) return this.#map(node, places, depth);
      if (isSeq(node)) return this.#list(node, places, depth);
    } finally {
      this.#open.delete(node);
    }
    return this.#fail(places, 'this kind of YAML node is not read; write a map, a list or a value');
  }

  #scalar(node: Scalar, at: SourceLocation): unknown {
    const { value } = node;
    const marked = value instanceof MarkedText ? value : undefined;
    if (marked === undefined) {
      return typeof value === 'string' ? this.#withoutAddedNewline(node, value) : scalarValue(node);
    }
    const { tag } = marked;
    const text = this.#withoutAddedNewline(node, marked.text);
    const decrypt = this.#decrypt;
    const opens = tag === 'vault' && decrypt !== undefined;
    return new TaggedText(tag, text, () => (opens ? decrypt(text, at) : text));
  }

  /** The parser ends a block (`|`, `>`) with a newline, also where the file has none to end it. */
  #withoutAddedNewline(node: Scalar, text: string): string {
    const isBlock = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED';
    const isCutOff = (node.range?.[1] ?? 0) >= this.#cutOffAt;
    return isBlock && isCutOff ? text.replace(/\n$/, '') : text;
  }

  #alias(alias: Alias, places: Places, depth: number): Read {
    if (!this.#targets.has(alias)) this.#targets.set(alias, this.#anchors.get(alias.source));
    const target = this.#targets.get(alias);
    if (target === undefined) {
      return this.#fail(
        places,
        `alias "*${alias.source}" has no anchor before it; write "&${alias.source}" at the value meant`,
      );
    }
    if (this.#open.has(target)) {
      return this.#fail(places, `alias "*${alias.source}" contains itself`);
    }
    this.#aliasDepth += 1;
    try {
      return this.node(target, 0, depth + 1);
    } finally {
      this.#aliasDepth -= 1;
    }
  }

  #list(list: YAMLSeq, places: Places, depth: number): Read {
    const children = new Map<string, Places>();
    places.children = children;
    const value = list.items.map((item, index) => {
      const node = item as Node | null;
      const child = this.node(node, list.range?.[0] ?? 0, depth + 1);
      // The item itself stands where it was written, also when it is an alias.
      child.places.at = this.#at(node?.range?.[0] ?? list.range?.[0] ?? 0);
      children.set(String(index), child.places);
      return child.value;
    });
    return { value, places };
  }

  #map(map: YAMLMap, places: Places, depth: number): Read {
    const value: Record<string, unknown> = {};
    const children = new Map<string, Places>();
    const merged: Read[] = [];
    places.children = children;
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const keyAt = this.#at(pair.key.range?.[0] ?? 0);
      if (isScalar(pair.key) && typeof pair.key.value === 'symbol') {
        merged.push(...this.#merge(pair.value, keyAt, depth));
        continue;
      }
      const key = this.#key(pair.key, keyAt);
      if (key === undefined) continue;
      const first = children.get(key);
      if (first !== undefined) {
        this.#error(keyAt, `"${key}" is given twice in one map; keep one of the two`, [
          `first at ${formatLocation(first.at)}`,
        ]);
        continue;
      }
      const child = this.node(pair.value, pair.key.range?.[1] ?? 0, depth + 1);
      child.places.at = keyAt;
      children.set(key, child.places);
      value[key] = child.value;
    }
    // The map's own keys win over merged ones, earlier merged maps over later ones (YAML merge type).
    for (const source of merged) {
      for (const [key, child] of source.places.children ?? []) {
        if (children.has(key)) continue;
        children.set(key, child);
        value[key] = childOf(source.value, key);
      }
    }
    return { value, places };
  }

  #merge(node: Node | null, keyAt: SourceLocation, depth: number): Read[] {
    const read = this.node(node, 0, depth + 1);
    const isList = Array.isArray(read.value);
    const sources: Read[] = isList
      ? [...(read.places.children ?? [])].map(([index, places]) => ({
          value: childOf(read.value, index),
          places,
        }))
      : [read];
    const maps = sources.filter(
      ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
    );
    if (maps.length < sources.length) {
      this.#error(keyAt, '"<<" merges maps only; give an alias of a map, or a list of those');
    }
    return maps;
  }

  #key(node: Node, at: SourceLocation): string | undefined {
    const key = isAlias(node) ? this.#anchors.get(node.source) : node;
    if (key === undefined || !isScalar(key)) {
      this.#error(at, 'a key must be a plain word here, not a map or a list', [
        'an expression that is the whole value needs quotes: "{{ name }}"',
      ]);
      return undefined;
    }
    // 100 and 0100 are different keys to the reader of the document: the text counts.
    const text = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
    if (text === '__proto__') {
      this.#error(at, 'the key "__proto__" is not allowed; choose another name');
      return undefined;
    }
    return text;
  }

  #error(location: SourceLocation, message: string, notes: readonly string[] = []): void {
    this.errors.push(new NetorchError('YAML_SYNTAX', message, { location, notes }));
  }

  #fail(places: Places, message: string): Read {
    this.#error(places.at, message);
    return { value: null, places };
  }
}

function tooDeep(): string {
  return `more than ${MAX_DEPTH} levels of maps and lists; write a flatter document`;
}

/** A number that a double cannot hold stays the text that was written. */
function scalarValue(scalar: Scalar): unknown {
  const { value, source } = scalar;
  if (typeof value === 'bigint') return source ?? value.toString();
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return source ?? String(value);
  }
  return value;
}

/** A tagged text as the parser yields it; the reader knows its place and makes a TaggedText of it. */
class MarkedText {
  readonly tag: TaggedText['tag'];
  readonly text: string;

  constructor(tag: TaggedText['tag'], text: string) {
    this.tag = tag;
    this.text = text;
  }
}

const ANSIBLE_TAGS: ScalarTag[] = [
  { tag: '!vault', resolve: (text) => new MarkedText('vault', text) },
  { tag: '!vault-encrypted', resolve: (text) => new MarkedText('vault', text) },
  { tag: '!unsafe', resolve: (text) => new MarkedText('unsafe', text) },
];

const TAG = 'tag:yaml.org,2002:';
const NOT_PLAIN = new Set(['binary', 'omap', 'pairs', 'set', 'timestamp'].map((t) => TAG + t));

/**
 * Only tags that give plain data. For YAML 1.1, PyYAML's narrower tests (its resolver.py): `y` and
 * `n` are text, `08` is text, an exponent needs a dot and a sign, base 60 only as in h:mm and h:mm:ss.
 */
function plainTags(tags: Tags, yaml11: boolean): Tags {
  const plain = tags.filter((tag) => typeof tag === 'string' || !NOT_PLAIN.has(tag.tag));
  if (!yaml11) return plain;
  return plain.map((tag) => {
    if (typeof tag === 'string' || !('test' in tag) || tag.test === undefined) return tag;
    const test = pyYamlTest(tag.tag.slice(TAG.length), tag.format, tag.test.test('yes'));
    return test === undefined ? tag : { ...tag, test };
  });
}

function pyYamlTest(kind: string, format: string | undefined, isTrue: boolean): RegExp | undefined {
  if (kind === 'bool') {
    return isTrue
      ? /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/
      : /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
  }
  if (kind === 'int' && format === undefined) return /^[-+]?(?:0|[1-9][0-9_]*)$/;
  if (kind === 'int' && format === 'TIME') return /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9]){1,2}$/;
  if (kind === 'float' && format === 'EXP') return /^[-+]?[0-9][0-9_]*\.[0-9_]*[eE][-+][0-9]+$/;
  return undefined;
}

/** What to do about it, where the parser's own words leave that open. */
const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with blanks',
  BAD_INDENT: 'give all keys of one map, and all items of one list, the same indentation',
  MULTIPLE_DOCS: 'put each document in a file of its own',
  MULTILINE_IMPLICIT_KEY: 'is a colon missing after a key, or a quote at the end of a text?',
  BLOCK_AS_IMPLICIT_KEY: 'quote a text that contains ": "',
  UNEXPECTED_TOKEN: 'quote a text that holds special characters',
};

function syntaxError(
  error: YAMLError,
  at: (offset: number) => SourceLocation,
  text: string,
): NetorchError {
  const offset = error.pos[0];
  const location = at(offset);
  if (error.code === 'TAG_RESOLVE_FAILED') return tagError(error, location, text);
  const line = text.split(/\r?\n/, location.line)[location.line - 1] ?? '';
  const hint = /(?:[:-]|^)\s*\{\{/.test(line)
    ? 'a value that starts with an expression needs quotes: "{{ name }}"'
    : HINTS[error.code];
  return new NetorchError('YAML_SYNTAX', error.message, {
    location,
    notes: hint === undefined ? [] : [hint],
  });
}

function tagError(error: YAMLError, location: SourceLocation, text: string): NetorchError {
  const tag = /^![^\s,[\]{}]*/.exec(text.slice(error.pos[0]))?.[0] ?? '';
  if (tag === '!vault' || tag === '!vault-encrypted' || tag === '!unsafe') {
    return new NetorchError(
      'NOT_SUPPORTED',
      `${tag} is read in inventories and files of variables; here, write {{ }} and a variable`,
      {
        location,
      },
    );
  }
  return new NetorchError(
    'YAML_SYNTAX',
    tag === '' ? error.message : `the tag ${tag} is not known here; leave it away`,
    { location },
  );
}

/** INI inventories: `[group]`, `[group:vars]`, `[group:children]`, and lines of `host key=value`. */
import type { Located } from '../config/located.js';
import { didYouMean } from '../config/nearest.js';
import type { SourceLocation } from '../errors.js';
import type { GraphBuilder, GroupNode } from './graph-builder.js';
import { parsePythonLiteral } from './python-literal.js';
import { ShellSplitError, shellSplit } from './shell-split.js';

const SECTION = /^\[([^:\]\s]+)(?::([\p{L}\p{N}_]+))?\]\s*(?:#.*)?$/u;
const GROUP_NAME = /^([^:\]\s]+)\s*(?:#.*)?$/;
const STATES = ['hosts', 'vars', 'children'] as const;
/** Where Python's splitlines ends a line (but for three separators of teletypes). */
const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;

type State = (typeof STATES)[number];

/** A group that is used before it is declared. */
type Pending =
  | Readonly<{ kind: 'vars'; location: SourceLocation }>
  | Readonly<{ kind: 'child'; location: SourceLocation; parents: [GroupNode, SourceLocation][] }>;

/** Adds the file's groups and hosts. All its mistakes are reported, not only the first. */
export function readIniInventory(builder: GraphBuilder, file: string, text: string): void {
  const reader = new IniReader(builder, file);
  const lines = text.replace(/^\uFEFF/, '').split(LINE_END);
  for (const [index, line] of lines.entries()) reader.line(line, index + 1);
  reader.finish();
}

class IniReader {
  readonly #builder: GraphBuilder;
  readonly #file: string;
  readonly #pending = new Map<string, Pending>();
  #group: GroupNode;
  /** undefined: lines of a section that was refused, passed over up to the next one. */
  #state: State | undefined = 'hosts';

  constructor(builder: GraphBuilder, file: string) {
    this.#builder = builder;
    this.#file = file;
    this.#group = builder.group('ungrouped', { file, line: 1, column: 1 });
  }

  line(raw: string, number: number): void {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) return;
    const start = raw.length - raw.trimStart().length;
    const at = (offset: number): SourceLocation => ({
      file: this.#file,
      line: number,
      column: start + offset + 1,
    });
    const section = SECTION.exec(line);
    if (section !== null) return this.#section(section[1] ?? '', section[2], at(0));
    if (line.startsWith('[') && line.endsWith(']')) {
      this.#state = undefined;
      const notes = ['a section looks like [web], [web:vars] or [web:children]'];
      return this.#builder.error(at(0), `"${line}" is no section`, notes);
    }
    switch (this.#state) {
      case 'hosts':
        return this.#hosts(line, at);
      case 'vars':
        return this.#variable(line, at);
      case 'children':
        return this.#child(line, at(0));
      case undefined:
        return;
    }
  }

  finish(): void {
    for (const [name, pending] of this.#pending) {
      const text =
        pending.kind === 'vars'
          ? `[${name}:vars] is of no group: there is no [${name}]`
          : `group "${name}" is a child of "${pending.parents.at(-1)?.[0].name ?? ''}", but there is no [${name}]`;
      this.#builder.error(pending.location, text + didYouMean(name, this.#builder.groups.keys()));
    }
  }

  #section(name: string, stateText: string | undefined, location: SourceLocation): void {
    const state = STATES.find((known) => known === (stateText ?? 'hosts'));
    this.#state = state;
    if (state === undefined) {
      const near = didYouMean(stateText ?? '', STATES);
      const text = `[${name}:${stateText ?? ''}]: a section is of "vars", "children" or "hosts"${near}`;
      return this.#builder.error(location, text);
    }
    if (!this.#builder.groups.has(name) && state === 'vars' && !this.#pending.has(name)) {
      this.#pending.set(name, { kind: 'vars', location });
    }
    this.#group = this.#builder.group(name, location);
    const pending = this.#pending.get(name);
    if (pending === undefined || state === 'vars') return;
    if (pending.kind === 'vars') this.#pending.delete(name);
    else this.#linkPending(name, pending.parents);
  }

  /** A group is linked to its parents when it is declared, so that their children are in that order. */
  #linkPending(name: string, parents: readonly [GroupNode, SourceLocation][]): void {
    this.#pending.delete(name);
    for (const [parent, location] of parents) {
      this.#builder.link(parent, name, location);
      const above = this.#pending.get(parent.name);
      if (above?.kind === 'child') this.#linkPending(parent.name, above.parents);
    }
  }

  #child(line: string, location: SourceLocation): void {
    const name = GROUP_NAME.exec(line)?.[1];
    if (name === undefined) {
      return this.#builder.error(location, `"${line}" is no name of a group; write one a line`);
    }
    if (this.#builder.groups.has(name)) return this.#builder.link(this.#group, name, location);
    const pending = this.#pending.get(name);
    if (pending?.kind === 'child') pending.parents.push([this.#group, location]);
    else this.#pending.set(name, { kind: 'child', location, parents: [[this.#group, location]] });
  }

  #variable(line: string, at: (offset: number) => SourceLocation): void {
    const equals = line.indexOf('=');
    if (equals < 0) return this.#builder.error(at(0), `"${line}" has no "="; write "name=value"`);
    const text = line.slice(equals + 1).trim();
    this.#builder.setGroupVar(this.#group, line.slice(0, equals).trim(), valueOf(text, at(0)));
  }

  #hosts(line: string, at: (offset: number) => SourceLocation): void {
    const builder = this.#builder;
    let words;
    try {
      words = shellSplit(line);
    } catch (error) {
      if (!(error instanceof ShellSplitError)) throw error;
      return builder.error(at(0), error.message, ['quote a value whole: key="it\'s"']);
    }
    const [pattern, ...assignments] = words;
    if (pattern === undefined) return;
    const location = at(pattern.start);
    if (pattern.text.endsWith(':')) {
      const notes = ['is this YAML? Then the file needs the ending .yml'];
      return builder.error(location, `"${pattern.text}" ends in ":" but has no port`, notes);
    }
    if (pattern.text === '---') {
      return builder.error(location, '"---" begins a YAML file, this is read as INI', [
        'give the file the ending .yml',
      ]);
    }
    const vars = new Map<string, Located>();
    for (const { text, start } of assignments) {
      const equals = text.indexOf('=');
      if (equals < 0) {
        builder.error(at(start), `"${text}" is not of the form key=value`, [
          'each host stands on a line of its own; a value with blanks needs quotes',
        ]);
        return;
      }
      vars.set(text.slice(0, equals), valueOf(text.slice(equals + 1), at(start)));
    }
    const found = builder.hostNames(pattern.text, location);
    for (const name of found?.names ?? []) {
      builder.host(name, location, this.#group, found?.port);
      for (const [key, value] of vars) builder.setHostVar(name, key, value);
    }
  }
}

function valueOf(text: string, location: SourceLocation): Located {
  const literal = parsePythonLiteral(text);
  return { value: literal === undefined ? text : literal.value, locate: () => location };
}

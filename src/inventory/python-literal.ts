/**
 * Values in INI inventories are Python literals where they can be: `5`, `True`, `None`, `[1, 'a']`,
 * `{'k': 1}`, `'text'`; whatever is none stays the text it is (Ansible, inventory plugin `ini`).
 */

/** A literal's value; undefined for a text that is no literal, or one that JSON has no value for. */
export function parsePythonLiteral(text: string): { readonly value: unknown } | undefined {
  // Nearly all values are plain words; no literal begins with any other letter.
  if (!/^[ \t]*[-+\d.'"([{TFNrRbBuU]/.test(text)) return undefined;
  try {
    return { value: new LiteralParser(text).whole() };
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

class NoLiteral extends Error {}

/** Python's own limit of open brackets. */
const MAX_DEPTH = 200;

const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][-+]?\d(?:_?\d)*)?/y;
const STRING_START = /([rRbBuU]|[rR][bB]|[bB][rR])?('''|"""|'|")/y;
const WORDS = new Map<string, unknown>([
  ['True', true],
  ['False', false],
  ['None', null],
]);

class LiteralParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const { items, isList } = this.#items('');
    this.#comment();
    if (this.#at < this.#text.length) throw new NoLiteral();
    return isList ? items : items[0];
  }

  /** One value, or several with commas between them (a tuple, which JSON knows as a list). */
  #items(end: string): { items: unknown[]; isList: boolean } {
    const items = [this.#value()];
    let isList = false;
    while (this.#take(',')) {
      isList = true;
      const next = this.#peek();
      if (next === undefined || next === end || next === '#') break;
      items.push(this.#value());
    }
    return { items, isList };
  }

  #value(): unknown {
    const next = this.#peek();
    if (next === '-' || next === '+') {
      // One sign only: Python takes no `--5`.
      this.#at += 1;
      const value = this.#unsigned();
      if (typeof value !== 'number') throw new NoLiteral();
      return next === '-' ? 0 - value : value;
    }
    return this.#unsigned();
  }

  #unsigned(): unknown {
    const next = this.#peek();
    if (next === undefined) throw new NoLiteral();
    if (next === '(' || next === '[' || next === '{') {
      this.#at += 1;
      this.#depth += 1;
      if (this.#depth >= MAX_DEPTH) throw new NoLiteral();
      const value = next === '{' ? this.#dictionary() : this.#list(next === '(' ? ')' : ']');
      this.#depth -= 1;
      return value;
    }
    if (/[\d.]/.test(next)) return this.#number();
    const word = this.#match(/(?:True|False|None)(?![\p{L}\p{N}_'"])/uy);
    return word === undefined ? this.#strings() : WORDS.get(word[0]);
  }

  #list(end: ')' | ']'): unknown {
    if (this.#take(end)) return [];
    const { items, isList } = this.#items(end);
    if (!this.#take(end)) throw new NoLiteral();
    return end === ']' || isList ? items : items[0];
  }

  #dictionary(): unknown {
    const entries: [string, unknown][] = [];
    while (!this.#take('}')) {
      const key = this.#value();
      if (typeof key === 'object' && key !== null) throw new NoLiteral();
      if (key === '__proto__' || !this.#take(':')) throw new NoLiteral();
      entries.push([String(key), this.#value()]);
      if (!this.#take(',') && this.#peek() !== '}') throw new NoLiteral();
    }
    return Object.fromEntries(entries);
  }

  #number(): unknown {
    const found = this.#match(NUMBER)?.[0] ?? '';
    if (/[\p{L}\p{N}_.]/u.test(this.#text[this.#at] ?? '')) throw new NoLiteral();
    const isFloat = !/^0[xXoObB]/.test(found) && /[.eE]/.test(found);
    // `01` is no number in Python, `00` and `01.5` are.
    if (found === '' || (!isFloat && /^0_?[\d_]*[1-9]/.test(found))) throw new NoLiteral();
    const value = Number(found.replaceAll('_', ''));
    if (!Number.isFinite(value)) throw new NoLiteral();
    // What a double cannot hold stays the text that was written.
    if (!isFloat && !Number.isSafeInteger(value)) throw new NoLiteral();
    return value;
  }

  /** Strings that follow each other are one. */
  #strings(): string {
    const parts: string[] = [];
    const kinds = new Set<boolean>();
    for (let start = this.#match(STRING_START); start !== undefined;) {
      const [, prefix = '', quote = ''] = start;
      const isBytes = /b/i.test(prefix);
      kinds.add(isBytes);
      parts.push(this.#string(quote, /r/i.test(prefix), isBytes));
      this.#peek();
      start = this.#match(STRING_START);
    }
    if (kinds.size !== 1) throw new NoLiteral();
    return parts.join('');
  }

  #string(quote: string, isRaw: boolean, isBytes: boolean): string {
    let result = '';
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) throw new NoLiteral();
      if (this.#text.startsWith(quote, this.#at)) {
        this.#at += quote.length;
        return result;
      }
      if (isBytes && char > '\x7f') throw new NoLiteral();
      if (char !== '\\') {
        result += char;
        this.#at += 1;
      } else if (isRaw) {
        result += this.#text.slice(this.#at, this.#at + 2);
        this.#at += 2;
      } else {
        result += this.#escape(isBytes);
      }
    }
  }

  #escape(isBytes: boolean): string {
    const found = this.#match(isBytes ? BYTES_ESCAPE : ESCAPE);
    if (found === undefined) {
      // An unknown escape keeps its backslash; a cut-off one is a mistake.
      const two = this.#text.slice(this.#at, this.#at + 2);
      if (two.length < 2 || /^\\[xuUN]/.test(two.slice(0, isBytes ? 0 : 2))) throw new NoLiteral();
      if (isBytes && two === '\\x') throw new NoLiteral();
      this.#at += 2;
      return two;
    }
    const [, octal, hex] = found;
    const simple = SIMPLE_ESCAPES.get(found[0].slice(1));
    if (simple !== undefined) return simple;
    const code = octal === undefined ? Number.parseInt(hex ?? '', 16) : Number.parseInt(octal, 8);
    if (code > 0x10_ff_ff || (isBytes && code > 0x7f)) throw new NoLiteral();
    return String.fromCodePoint(code);
  }

  /** The next character after blanks. */
  #peek(): string | undefined {
    this.#match(/[ \t\f]*/y);
    return this.#text[this.#at];
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  /** A comment ends the text, but only outside of brackets: within them something is missing. */
  #comment(): void {
    if (this.#peek() === '#') this.#at = this.#text.length;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    const expression = pattern;
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text);
    if (found === null) return undefined;
    this.#at = expression.lastIndex;
    return found;
  }
}

const ESCAPE =
  /\\(?:[\\'"abfnrtv]|([0-7]{1,3})|(?:x(?=[0-9a-fA-F]{2})|u(?=[0-9a-fA-F]{4})|U(?=[0-9a-fA-F]{8}))((?<=x)..|(?<=u)....|(?<=U)........))/y;
const BYTES_ESCAPE = /\\(?:[\\'"abfnrtv]|([0-7]{1,3})|x([0-9a-fA-F]{2}))/y;
const SIMPLE_ESCAPES = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

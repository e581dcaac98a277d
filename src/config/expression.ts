/**
 * The grammar of `{{ }}` expressions: a value, then filters with arguments.
 *
 *     {{ 10 }}  {{ 'text' }}  {{ storage.vlan }}  {{ groups['storage'][0] }}
 *     {{ lab_index | plus: 10 }}  {{ names | join: ', ' }}
 *
 * It is narrower than both Jinja's and Liquid's, so that what only looks like an expression of theirs
 * is refused instead of read half (Liquid reads `a + b` as `a`).
 */

export type Operand =
  | Readonly<{ kind: 'literal'; value: string | number | boolean | null }>
  | Readonly<{ kind: 'path'; root: string; steps: readonly Operand[] }>;

export type Filter = Readonly<{ name: string; arguments: readonly Operand[] }>;

export type Expression = Readonly<{ operand: Operand; filters: readonly Filter[] }>;

/** A text in pieces: what stands as it is, and the expressions between. */
export type Segment = string | Expression;

/** What is wrong with an expression, in words for the user; the caller knows the place. */
export class ExpressionError extends Error {
  readonly notes: readonly string[];

  constructor(message: string, notes: readonly string[] = []) {
    super(message);
    this.notes = notes;
  }
}

/** Text without `{{`, `{%` and `{# #}` is one segment. Throws ExpressionError. */
export function parseSegments(text: string): readonly Segment[] {
  const tag = /\{%.*?(?:%\}|$)/s.exec(text);
  if (tag !== null) {
    throw new ExpressionError(
      `"${clip(tag[0])}" is a tag; only {{ }} expressions are rendered here`,
    );
  }
  if (/\{#.*#\}/s.test(text)) {
    throw new ExpressionError('"{# #}" comments are not read; use a YAML comment');
  }
  const segments: Segment[] = [];
  let rest = text;
  for (;;) {
    const start = rest.indexOf('{{');
    if (start < 0) break;
    if (start > 0) segments.push(rest.slice(0, start));
    const parser = new Parser(rest.slice(start + 2));
    segments.push(parser.expression());
    rest = parser.rest();
  }
  if (rest !== '' || segments.length === 0) segments.push(rest);
  return segments;
}

const WORD = /^[A-Za-z_][A-Za-z0-9_-]*/;
const NUMBER = /^-?\d+(?:\.\d+)?(?![\w.])/;
const STRING = /^(?:'([^'\\]*)'|"([^"\\]*)")/;
const CONSTANTS: Readonly<Record<string, boolean | null>> = {
  true: true,
  false: false,
  True: true,
  False: false,
  null: null,
  nil: null,
  None: null,
};

class Parser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  rest(): string {
    return this.#text.slice(this.#position);
  }

  expression(): Expression {
    if (this.rest().startsWith('-')) {
      throw new ExpressionError('"{{-" is not read here; write "{{"');
    }
    const operand = this.#operand();
    const filters: Filter[] = [];
    for (;;) {
      this.#blank();
      if (this.#take('}}')) return { operand, filters };
      if (!this.#take('|')) throw this.#unexpected();
      filters.push(this.#filter());
    }
  }

  #filter(): Filter {
    this.#blank();
    const name = this.#match(WORD)?.[0];
    if (name === undefined) throw this.#unexpected('a filter name is expected after "|"');
    this.#blank();
    if (this.rest().startsWith('(')) {
      throw new ExpressionError(`arguments of a filter follow a colon: "| ${name}: …"`);
    }
    const values: Operand[] = [];
    if (this.#take(':')) {
      do values.push(this.#operand());
      while (this.#comma());
    }
    return { name, arguments: values };
  }

  #operand(): Operand {
    this.#blank();
    const string = this.#match(STRING);
    if (string !== undefined) return { kind: 'literal', value: string[1] ?? string[2] ?? '' };
    const number = this.#match(NUMBER)?.[0];
    if (number !== undefined) return { kind: 'literal', value: Number(number) };
    const root = this.#match(WORD)?.[0];
    if (root === undefined) throw this.#unexpected();
    if (Object.hasOwn(CONSTANTS, root)) return { kind: 'literal', value: CONSTANTS[root] ?? null };
    const steps: Operand[] = [];
    for (;;) {
      if (this.#take('.')) {
        const step = this.#match(WORD)?.[0] ?? this.#match(/^\d+/)?.[0];
        if (step === undefined) throw this.#unexpected('a name is expected after "."');
        steps.push({ kind: 'literal', value: step });
      } else if (this.#take('[')) {
        steps.push(this.#operand());
        this.#blank();
        if (!this.#take(']')) throw this.#unexpected('"]" is missing');
      } else {
        return { kind: 'path', root, steps };
      }
    }
  }

  #comma(): boolean {
    this.#blank();
    return this.#take(',');
  }

  #blank(): void {
    this.#match(/^\s+/);
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#position)) return false;
    this.#position += text.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.rest());
    if (found === null) return undefined;
    this.#position += found[0].length;
    return found;
  }

  /** Names what Jinja would have understood, and says how it is written here. */
  #unexpected(reason?: string): ExpressionError {
    const rest = this.rest();
    if (rest.trim() === '') return new ExpressionError('"{{" has no "}}"; close the expression');
    if (rest.startsWith('}}')) return new ExpressionError(reason ?? 'the expression is empty');
    if (rest.startsWith('-}}')) return new ExpressionError('"-}}" is not read here; write "}}"');
    const found = `"${clip(rest.split('}}')[0] ?? rest)}" is not understood in an expression`;
    const jinja = JINJA.find(([pattern]) => pattern.test(rest));
    return new ExpressionError(
      found,
      [reason, jinja?.[1]].filter((note) => note !== undefined),
    );
  }
}

const JINJA: readonly (readonly [RegExp, string])[] = [
  [/^\+/, 'arithmetic is done by filters: "| plus: 1"'],
  [/^-/, 'arithmetic is done by filters: "| minus: 1"'],
  [/^\*/, 'arithmetic is done by filters: "| times: 2"'],
  [/^\/\/?/, 'arithmetic is done by filters: "| divided_by: 2"'],
  [/^%/, 'arithmetic is done by filters: "| modulo: 2"'],
  [/^~/, 'texts are joined by writing the expressions next to each other, or by "| append: …"'],
  [/^\(/, 'functions, methods and brackets are not there; set a variable instead'],
  [/^(?:if|else|and|or|not|in|is)\b/, 'conditions are not there; set a variable per group instead'],
  [/^(?:[<>=!]=?)/, 'comparisons are not there; set a variable per group instead'],
  [/^[[{]/, 'lists and maps are not written in expressions; write them in YAML'],
];

function clip(text: string): string {
  const clean = text.trim();
  return clean.length > 40 ? `${clean.slice(0, 37)}…` : clean;
}

/** Renders the `{{ }}` expressions of a value over variables. */
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { ExpressionError, parseSegments } from './expression.js';
import type { Expression, Operand, Segment } from './expression.js';
import { childOf, isPlainMap } from './located.js';
import type { DocumentPath, Locate, Located } from './located.js';
import { didYouMean } from './nearest.js';
import { TaggedText } from './tagged-text.js';
import { DEFAULT_FILTER, applyFilter, toText } from './template-filters.js';

/** Longer results are refused: variables that double each other grow without end. */
const MAX_TEXT = 65_536;
const MAX_DEPTH = 64;

/**
 * Every text of the value with its expressions filled in. An expression that is the whole text keeps
 * its type (number, list, map); next to other text it becomes text.
 *
 * Variables may hold expressions themselves; they are rendered when first used, and their mistakes are
 * told at their own place when `locateVariable` knows it (the first path element is the name). The
 * places of the result are those of the input.
 *
 * Variables are the operator's own words. What a host said must never be passed in: it would be
 * rendered as a template.
 *
 * Throws UNDEFINED_VARIABLE and TEMPLATE_ERROR, the first that is met.
 */
export function renderTemplates(
  located: Located,
  variables: Readonly<Record<string, unknown>>,
  locateVariable?: Locate,
): Located {
  const renderer = new Renderer(variables, locateVariable);
  const value = renderer.render(located.value, { locate: located.locate, path: [] });
  return { value, locate: located.locate };
}

/** Has this text anything to render? */
export function hasExpression(text: string): boolean {
  return text.includes('{{');
}

/** Where the text that is being rendered stands. */
type Place = Readonly<{ locate: Locate; path: DocumentPath }>;

class Renderer {
  readonly #variables: Readonly<Record<string, unknown>>;
  readonly #locateVariable: Locate | undefined;
  readonly #rendered = new Map<string, unknown>();
  /** Names being rendered, outermost first. */
  readonly #open: string[] = [];

  constructor(variables: Readonly<Record<string, unknown>>, locateVariable: Locate | undefined) {
    this.#variables = variables;
    this.#locateVariable = locateVariable;
  }

  render(value: unknown, place: Place, depth = 0): unknown {
    if (depth > MAX_DEPTH) throw templateError('the value is nested too deeply', place);
    if (typeof value === 'string') return this.#text(value, place);
    if (value instanceof TaggedText) {
      const text = value.reveal();
      return value.tag === 'unsafe' ? text : this.#text(text, place);
    }
    if (Array.isArray(value)) {
      return value.map((item, index) => this.render(item, below(place, index), depth + 1));
    }
    if (isPlainMap(value)) {
      const entries = Object.entries(value).map(([key, item]) => {
        const inner = below(place, key);
        if (hasExpression(key)) {
          throw templateError(`"${key}": expressions are rendered in values, not in keys`, inner);
        }
        return [key, this.render(item, inner, depth + 1)] as const;
      });
      return Object.fromEntries(entries);
    }
    return value;
  }

  #text(text: string, place: Place): unknown {
    try {
      const segments = parseSegments(text);
      if (segments.length === 1) return this.#segment(segments[0] ?? '', place);
      // Blanks around a single expression, as a folded YAML text has them, do not make it a text.
      const solid = segments.filter((part) => typeof part !== 'string' || part.trim() !== '');
      if (solid.length === 1 && typeof solid[0] === 'object') return this.#segment(solid[0], place);
      const joined = segments.map((part) => toText(this.#segment(part, place))).join('');
      if (joined.length > MAX_TEXT) {
        throw new ExpressionError(`the text becomes longer than ${MAX_TEXT} characters`);
      }
      return joined;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw templateError(error.message, place, error.notes);
    }
  }

  #segment(segment: Segment, place: Place): unknown {
    return typeof segment === 'string' ? segment : this.#evaluate(segment, place);
  }

  #evaluate({ operand, filters }: Expression, place: Place): unknown {
    const hasDefault = filters.some((filter) => filter.name === DEFAULT_FILTER);
    let value = this.#operand(operand, place, hasDefault);
    for (const filter of filters) {
      if (filter.name === DEFAULT_FILTER) {
        const [fallback] = filter.arguments;
        if (fallback === undefined)
          throw new ExpressionError('"default" needs a value: "default: 1"');
        // Unlike Liquid's, for undefined and empty values only: `false` and '' are values.
        if (value === undefined || value === null) value = this.#operand(fallback, place, false);
        continue;
      }
      if (value === undefined) value = this.#operand(operand, place, false);
      const values = filter.arguments.map((argument) => this.#operand(argument, place, false));
      value = applyFilter(filter.name, value, values);
    }
    return value;
  }

  /** The operand's value; undefined only with `lenient`. */
  #operand(operand: Operand, place: Place, lenient: boolean): unknown {
    if (operand.kind === 'literal') return operand.value;
    if (!Object.hasOwn(this.#variables, operand.root)) {
      if (lenient) return undefined;
      throw this.#undefined(operand.root, Object.keys(this.#variables), '', place);
    }
    let value = this.#variable(operand.root, place);
    let name = operand.root;
    for (const step of operand.steps) {
      const key = this.#operand(step, place, false);
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw new ExpressionError(`"${name}[…]" needs a name or a number in its brackets`);
      }
      const next = Array.isArray(value) ? itemAt(value, key) : childOf(value, key);
      if (next === undefined) {
        if (lenient) return undefined;
        const known = isPlainMap(value) ? Object.keys(value) : [];
        throw this.#undefined(String(key), known, name, place);
      }
      value = next;
      name = `${name}.${key}`;
    }
    return value;
  }

  #variable(name: string, usedAt: Place): unknown {
    if (this.#rendered.has(name)) return this.#rendered.get(name);
    if (this.#open.includes(name)) {
      const cycle = [...this.#open.slice(this.#open.indexOf(name)), name].join(' → ');
      throw templateError(`variable "${name}" refers to itself: ${cycle}`, usedAt);
    }
    const { locate } = usedAt;
    const place =
      this.#locateVariable === undefined
        ? { locate: () => locate(usedAt.path), path: [] }
        : { locate: this.#locateVariable, path: [name] };
    this.#open.push(name);
    const value = this.render(this.#variables[name], place);
    this.#open.pop();
    this.#rendered.set(name, value);
    return value;
  }

  #undefined(name: string, known: readonly string[], owner: string, place: Place): NetorchError {
    const what = owner === '' ? `variable "${name}" is not defined` : `"${owner}" has no "${name}"`;
    const [before] = name.split('-');
    const notes =
      before !== name && before !== undefined && known.includes(before)
        ? [`"-" belongs to the name; to subtract: "${before} | minus: …"`]
        : [];
    return new NetorchError('UNDEFINED_VARIABLE', what + didYouMean(name, known), {
      location: locationOf(place),
      notes,
    });
  }
}

/** Negative numbers count from the end. */
function itemAt(list: readonly unknown[], key: string | number): unknown {
  const index = Number(key);
  return Number.isInteger(index) ? list.at(index) : undefined;
}

function below(place: Place, key: string | number): Place {
  return { locate: place.locate, path: [...place.path, key] };
}

function locationOf(place: Place): SourceLocation {
  return place.locate(place.path);
}

function templateError(message: string, place: Place, notes: readonly string[] = []): NetorchError {
  return new NetorchError('TEMPLATE_ERROR', message, { location: locationOf(place), notes });
}

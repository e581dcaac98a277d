/** The filters that `{{ }}` expressions may use: a pure selection of liquidjs' filters, and a few of Jinja's names. */
import { Liquid } from 'liquidjs';
import { ExpressionError } from './expression.js';
import { didYouMean } from './nearest.js';

/**
 * Filters of liquidjs that depend on nothing but their input. Left out: dates and samples (a plan must
 * come out the same each time), HTML and URL escapes, and those that evaluate a text as an expression.
 */
const ARITHMETIC = new Set(
  'plus minus times divided_by modulo abs ceil floor round at_least at_most'.split(' '),
);
const LIQUID_FILTERS: ReadonlySet<string> = new Set([
  ...ARITHMETIC,
  ...'append prepend replace replace_first remove upcase downcase capitalize'.split(' '),
  ...'strip lstrip rstrip split truncate join first last reverse sort size map'.split(' '),
  ...'where has reject uniq compact concat push unshift slice sum json'.split(' '),
]);

/** Jinja's names for the same, so that the common ones need not be learned anew. */
const ALIASES: Readonly<Record<string, string>> = {
  upper: 'upcase',
  lower: 'downcase',
  trim: 'strip',
  length: 'size',
  unique: 'uniq',
  to_json: 'json',
};

/** Handled by the renderer: it is the one filter that may meet an undefined variable. */
export const DEFAULT_FILTER = 'default';

const liquid = new Liquid({ ownPropertyOnly: true, strictFilters: true, memoryLimit: 1_000_000 });

export const FILTER_NAMES: readonly string[] = [
  ...LIQUID_FILTERS,
  ...Object.keys(ALIASES),
  'int',
  'string',
  DEFAULT_FILTER,
];

/** Throws ExpressionError for an unknown filter and for input that a filter cannot take. */
export function applyFilter(name: string, input: unknown, values: readonly unknown[]): unknown {
  if (name === 'int') return toInteger(input);
  if (name === 'string') return toText(input);
  const own = ALIASES[name] ?? name;
  if (!LIQUID_FILTERS.has(own)) {
    const hint = didYouMean(name, FILTER_NAMES);
    throw new ExpressionError(
      `unknown filter "${name}"${hint}`,
      hint === '' ? [`filters: ${FILTER_NAMES.join(', ')}`] : [],
    );
  }
  // Liquid counts what is no number as 0.
  if (ARITHMETIC.has(own)) for (const value of [input, ...values]) demandNumber(value, name);
  const scope: Record<string, unknown> = { input };
  const names = values.map((value, index) => {
    scope[`a${index}`] = value;
    return `a${index}`;
  });
  const call = names.length === 0 ? own : `${own}: ${names.join(', ')}`;
  let output: unknown;
  try {
    output = liquid.evalValueSync(`input | ${call}`, scope);
  } catch (cause) {
    throw new ExpressionError(
      `filter "${name}" failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
  if (output === undefined || (typeof output === 'number' && !Number.isFinite(output))) {
    throw new ExpressionError(`filter "${name}" cannot be applied to ${describe(input)}`);
  }
  return output;
}

function demandNumber(value: unknown, name: string): void {
  const isNumber =
    typeof value === 'number' || (typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value));
  if (!isNumber) {
    throw new ExpressionError(`filter "${name}" cannot be applied to ${describe(value)}`);
  }
}

function toInteger(input: unknown): number {
  const value = typeof input === 'string' && input.trim() !== '' ? Number(input) : input;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new ExpressionError(`filter "int" cannot be applied to ${describe(input)}`);
  }
  return Math.trunc(value);
}

/** The text of a single value, as it is put into a longer text. Throws ExpressionError for others. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ExpressionError(`${describe(value)} cannot be put into a text`, [
    'a list or map must be the whole value: "{{ name }}"; a list can be joined: "| join: \', \'"',
  ]);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'an empty value';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return JSON.stringify(value);
}

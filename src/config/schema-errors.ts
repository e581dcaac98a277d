/**
 * Runs a zod schema over a located value and says what is wrong in the user's words, at its place.
 *
 * How to write schemas for it: a message given in a schema (`z.string({ error: 'must be …' })`,
 * `.refine(…, 'must be …')`) is used as it is, after "PATH is VALUE, "; it should say what would be
 * right. A custom issue may choose its code and add notes by `params` (see `IssueParams`).
 */
import type { z } from 'zod';
import { NetorchError, throwCollected } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { isPlainMap, valueAt } from './located.js';
import type { DocumentPath, Located } from './located.js';
import { didYouMean } from './nearest.js';
import { knownKeysAt, numberBoundsAt } from './schema-shape.js';

/**
 * `params` of a custom issue: `ctx.addIssue({ code: 'custom', message, path, params })`.
 * With `whole: true` the message is the whole sentence, without path and value before it.
 */
export type IssueParams = Readonly<{
  code?: ErrorCode;
  notes?: readonly string[];
  whole?: boolean;
}>;

/**
 * The schema's output for the value. Throws UNKNOWN_KEY and INVALID_VALUE errors (and what custom
 * issues ask for), all at once, in the order of their places. `name` starts each path, e.g. `network`.
 */
export function parseWith<T>(schema: z.ZodType<T>, located: Located, name = ''): T {
  const result = schema.safeParse(located.value, {
    error: (issue) => rightWords(schema, issue as unknown as z.core.$ZodIssue, located.value),
  });
  if (result.success) return result.data;
  const context: Context = { schema, located, name };
  const errors = result.error.issues.flatMap((issue) => errorsOf(issue, [], context));
  throwCollected(sortByPlace(errors));
  throw new Error('a schema failed without an issue');
}

type Context = Readonly<{ schema: z.core.$ZodType; located: Located; name: string }>;

function errorsOf(
  issue: z.core.$ZodIssue,
  before: DocumentPath,
  context: Context,
): readonly NetorchError[] {
  const path = [...before, ...documentPath(issue.path)];
  const { located, schema, name } = context;
  const location = located.locate(path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeysAt(schema, path, located.value);
    return issue.keys.map((key) => {
      const hint = didYouMean(key, known);
      const where = path.length === 0 && name === '' ? '' : ` in ${pathText(path, context)}`;
      return new NetorchError('UNKNOWN_KEY', `unknown key "${key}"${where}${hint}`, {
        location: located.locate([...path, key]),
        notes: hint === '' && known.length > 0 ? [`known keys: ${known.join(', ')}`] : [],
      });
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branch = likeliestBranch(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => errorsOf(inner, path, context));
  }
  const params: IssueParams = issue.code === 'custom' ? (issue.params ?? {}) : {};
  const notes = params.notes ?? [];
  const code = params.code ?? 'INVALID_VALUE';
  const text =
    params.whole === true
      ? issue.message
      : sentence(path, valueAt(located.value, path), issue.message, context);
  return [new NetorchError(code, text, { location, notes })];
}

function sentence(path: DocumentPath, value: unknown, message: string, context: Context): string {
  const subject = pathText(path, context);
  if (value === undefined) return `${subject} is missing: it ${message}`;
  return `${subject} is ${valueText(value)}, ${message}`;
}

/**
 * Of a union the branch that the user meant: one whose outer type fits, so that its issues lie
 * deeper. undefined when no branch fits at all: then the alternatives are named.
 */
function likeliestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter(
    (issues) =>
      issues.length > 0 &&
      issues.every(
        (issue) =>
          issue.path.length > 0 ||
          (issue.code !== 'invalid_type' &&
            issue.code !== 'invalid_union' &&
            issue.code !== 'invalid_value'),
      ),
  );
  return fitting.sort((a, b) => a.length - b.length)[0];
}

/** "must be …" for issues whose schema has no words of its own. */
function rightWords(schema: z.core.$ZodType, issue: z.core.$ZodIssue, root: unknown): string {
  const path = documentPath(issue.path ?? []);
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeText(issue.expected, numberRange(schema, path, root))}`;
    case 'too_big':
    case 'too_small':
      return sizeText(issue, numberRange(schema, path, root));
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}${hintFor(issue.input, issue.values)}`;
    case 'not_multiple_of':
      return `must be a multiple of ${String(issue.divisor)}`;
    case 'invalid_format':
      return issue.pattern === undefined
        ? `must be written as ${issue.format}`
        : `must match ${issue.pattern}`;
    case 'invalid_key':
      return 'must have other keys';
    case 'invalid_union': {
      if ('options' in issue && issue.options !== undefined) {
        return `must be ${oneOf(issue.options)}${hintFor(valueAt(root, path), issue.options)}`;
      }
      const wanted = issue.errors
        .flatMap((branch) => branch.slice(0, 1))
        .map((inner) => inner.message.replace(/^must be /, ''));
      return `must be ${[...new Set(wanted)].join(' or ')}`;
    }
    default:
      return 'must be something else';
  }
}

function numberRange(schema: z.core.$ZodType, path: DocumentPath, root: unknown): string {
  const { minimum, maximum } = numberBoundsAt(schema, path, root);
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  if (maximum !== undefined) return ` of at most ${maximum}`;
  return '';
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'empty',
};

function typeText(expected: string, range: string): string {
  const word = TYPE_WORDS[expected] ?? expected;
  return expected === 'number' || expected === 'int' ? word + range : word;
}

function sizeText(
  issue: Extract<z.core.$ZodIssue, { code: 'too_big' | 'too_small' }>,
  range: string,
): string {
  const limit = issue.code === 'too_big' ? issue.maximum : issue.minimum;
  if (issue.origin === 'number' || issue.origin === 'int') {
    if (range !== '') return `must be a number${range}`;
    const least = issue.inclusive === false ? 'more than' : 'at least';
    const most = issue.inclusive === false ? 'less than' : 'at most';
    return `must be ${issue.code === 'too_big' ? most : least} ${limit}`;
  }
  const unit = issue.origin === 'string' ? 'characters' : 'entries';
  return `must have at ${issue.code === 'too_big' ? 'most' : 'least'} ${limit} ${unit}`;
}

function oneOf(values: readonly unknown[]): string {
  const words = values.map((value) => String(value));
  return words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`;
}

function hintFor(input: unknown, values: readonly unknown[]): string {
  const words = values.filter((value) => typeof value === 'string');
  return typeof input === 'string' ? didYouMean(input, words) : '';
}

function documentPath(path: readonly PropertyKey[]): DocumentPath {
  return path.map((key) => (typeof key === 'number' ? key : String(key)));
}

/** `interfaces[bond0].link-aggregation.mode`: items of a list by their `name`, when they have one. */
function pathText(path: DocumentPath, { located, name }: Context): string {
  let text = name;
  let value = located.value;
  for (const key of path) {
    value = valueAt(value, [key]);
    if (typeof key === 'number') {
      const own = isPlainMap(value) ? value['name'] : undefined;
      text += typeof own === 'string' && own !== '' ? `[${own}]` : `[${key}]`;
    } else {
      text += text === '' ? key : `.${key}`;
    }
  }
  return text === '' ? 'the document' : text;
}

/** A value as it would be written, short. */
export function valueText(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (isPlainMap(value)) return Object.keys(value).length === 0 ? 'an empty map' : 'a map';
  if (typeof value === 'string') {
    return `"${value.length > 60 ? `${value.slice(0, 57)}…` : value}"`;
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

function sortByPlace(errors: readonly NetorchError[]): readonly NetorchError[] {
  return [...errors].sort(
    (a, b) =>
      (a.location?.line ?? 0) - (b.location?.line ?? 0) ||
      (a.location?.column ?? 0) - (b.location?.column ?? 0),
  );
}

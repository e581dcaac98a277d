/**
 * The scalars of network documents. nmstate takes numbers and booleans as text everywhere, and
 * enumerations by name or number; so do these. Messages say what would be right ("must be …").
 */
import { z } from 'zod';
import { didYouMean } from '../config/nearest.js';

const scalar = (words: string) => z.union([z.string(), z.number(), z.boolean()], { error: words });

/**
 * What an editor is to know of a scalar (JSON Schema, draft 7), where its zod schema is a transformation
 * that says nothing. network/editor-schema.ts makes it the schema.
 */
function forEditors(schema: Readonly<Record<string, unknown>>) {
  return { [FOR_EDITORS]: schema };
}

/** The key of the metadata that replaces what zod would say. */
export const FOR_EDITORS = 'forEditors';

/** Each word, and what YAML makes of it when it is not quoted. */
function spellings(words: readonly string[]): readonly unknown[] {
  return words.flatMap((word): readonly unknown[] => {
    if (word === 'true' || word === 'false') return [word, word === 'true'];
    return /^\d+$/.test(word) ? [word, Number(word)] : [word];
  });
}

/** A whole number within bounds; text may be decimal or `0x…`. */
export function integer(minimum: number, maximum: number) {
  const words = `must be ${minimum}–${maximum}`;
  return scalar(words)
    .transform((value) => (typeof value === 'boolean' ? Number.NaN : wholeNumber(value)))
    .refine((value) => value >= minimum && value <= maximum, words)
    .meta(
      forEditors({
        anyOf: [
          { type: 'integer', minimum, maximum },
          { type: 'string', pattern: '^(-?[0-9]{1,15}|0[xX][0-9A-Fa-f]{1,12})$' },
        ],
      }),
    );
}

const TRUE_WORDS = ['true', 'yes', 'on', 'y', '1'];
const FALSE_WORDS = ['false', 'no', 'off', 'n', '0'];

/** true/false, also as the words that YAML 1.1 and nmstate know. */
export const truth = scalar('must be true or false')
  .transform((value, context) => {
    const word = String(value).toLowerCase();
    if (TRUE_WORDS.includes(word)) return true;
    if (FALSE_WORDS.includes(word)) return false;
    context.addIssue({ code: 'custom', message: 'must be true or false' });
    return z.NEVER;
  })
  .meta(forEditors({ enum: spellings([...TRUE_WORDS, ...FALSE_WORDS]) }));

/**
 * One of the names; `numbered` names may be given by their place in the list too, as the kernel
 * counts them. Yields the name.
 */
export function oneOf<const T extends string>(
  names: readonly T[],
  options: Readonly<{ numbered?: boolean; aliases?: Readonly<Record<string, T>> }> = {},
) {
  const words = `must be one of ${names.join(', ')}`;
  const numbers = options.numbered === true ? names.map((_, index) => String(index)) : [];
  const all = [...names, ...Object.keys(options.aliases ?? {}), ...numbers];
  return scalar(words)
    .transform((value, context): T => {
      const word = String(value).toLowerCase();
      const byName = names.find((name) => name.toLowerCase() === word);
      if (byName !== undefined) return byName;
      const aliases = options.aliases ?? {};
      if (Object.hasOwn(aliases, word)) return aliases[word] as T;
      if (options.numbered === true && /^\d+$/.test(word)) {
        const byNumber = names[Number(word)];
        if (byNumber !== undefined) return byNumber;
      }
      context.addIssue({ code: 'custom', message: `${words}${didYouMean(word, names)}` });
      return z.NEVER;
    })
    .meta(forEditors({ enum: spellings(all) }));
}

/** A closed table from what may be written (in any case) to the text the kernel uses. */
export function scalarText(table: Readonly<Record<string, string>>, words: string) {
  return scalar(words)
    .transform((value, context): string => {
      const word = String(value).toLowerCase();
      if (Object.hasOwn(table, word)) return table[word] ?? word;
      context.addIssue({ code: 'custom', message: words });
      return z.NEVER;
    })
    .meta(forEditors({ enum: spellings(Object.keys(table)) }));
}

/** A MAC address in lower case with colons. Whether it is a usable one depends on where it stands. */
export const mac = z
  .string('must be a MAC address like 52:54:00:12:34:56')
  .regex(
    /^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$/,
    'must be a MAC address like 52:54:00:12:34:56 (quote it, if a number came out of it)',
  )
  .transform((value) => value.toLowerCase().replaceAll('-', ':'));

/** A map with exactly these keys. */
export function mapping<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape);
}

/** A part of nmstate that netorch does not do: refused by name, with the reason. */
export function refused(reason: string) {
  return z
    .unknown()
    .check((context) => {
      context.issues.push(notSupported(context.value, reason));
    })
    .meta(forEditors({ not: {}, description: reason }))
    .optional();
}

/** As `refused`, but values that ask for nothing (what `nmstatectl show` prints) are let through. */
export function refusedUnless(harmless: (value: unknown) => boolean, reason: string) {
  return z
    .unknown()
    .check((context) => {
      if (!harmless(context.value)) context.issues.push(notSupported(context.value, reason));
    })
    .optional();
}

/** What documents say about a host but what asks for nothing: accepted, and not used. */
export const documentation = z.unknown().optional();

export const isFalse = (value: unknown): boolean =>
  FALSE_WORDS.includes(String(value).toLowerCase());

export const isTrue = (value: unknown): boolean => TRUE_WORDS.includes(String(value).toLowerCase());

export const isEmpty = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length === 0
    : typeof value === 'object' && value !== null && Object.keys(value).length === 0;

function notSupported(input: unknown, reason: string) {
  return {
    code: 'custom' as const,
    input,
    message: reason,
    params: { code: 'NOT_SUPPORTED', whole: true },
  };
}

function wholeNumber(value: string | number): number {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number.NaN;
  return /^(-?\d{1,15}|0[xX][0-9A-Fa-f]{1,12})$/.test(value.trim()) ? Number(value) : Number.NaN;
}

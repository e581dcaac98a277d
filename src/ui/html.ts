/** HTML and SVG text whose every value is escaped: a template tag, and the one type that it lets through as it is. */
import { sanitise } from './sanitise.js';

/** Text that is markup already. Made by `markup` only. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | readonly Html[] | undefined;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Harmless as text and within quotes: no control characters, none that XML has not, no marks that reorder what is read. */
function escape(text: string): string {
  return sanitise(text)
    .replace(/[\p{Cs}\ufffe\uffff]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

function textOf(value: Value): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map((item) => item.text).join('');
  return escape(String(value));
}

/** Values may stand in text and within quoted attributes; never in tags, styles or links. */
export function markup(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  const parts = strings.map((text, index) => text + textOf(values[index]));
  return new Html(parts.join(''));
}

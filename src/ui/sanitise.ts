/* oxlint-disable no-control-regex -- finding control characters is what this file is for */
/**
 * Text that came from a host (or from a document) must not drive the user's terminal: escape sequences
 * are removed, every other control character is made visible. All reporters pass all text through here.
 */

/** String-type sequences (OSC, DCS, SOS, PM, APC) with their terminator, 7-bit and 8-bit forms. */
const STRING_SEQUENCE =
  /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u0080-\u009f]*(?:\u0007|\u001b\\|\u009c)/g;
/** CSI sequences, e.g. colours and cursor movement. */
const CONTROL_SEQUENCE = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]/g;
/** Two- and three-character escapes. An introducer that never ends loses only itself, not the text. */
const SHORT_ESCAPE = /\u001b[ -/]*[0-~]?/g;
/** C0, DEL, C1, line and paragraph separators, and the marks that reorder what the eye reads. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const REPLACEMENT = '\ufffd';

/** One line of harmless text: no escape sequences, line breaks and tabs as spaces, the rest as U+FFFD. */
export function sanitise(text: string): string {
  return text
    .replace(STRING_SEQUENCE, '')
    .replace(CONTROL_SEQUENCE, '')
    .replace(SHORT_ESCAPE, '')
    .replace(/\r\n?|[\n\t]/g, ' ')
    .replace(CONTROL, REPLACEMENT);
}

/** The lines of a text, each harmless, without trailing blanks and empty lines. */
export function sanitiseLines(text: string): readonly string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => sanitise(line).trimEnd())
    .filter((line) => line !== '');
}

/**
 * JSON text that is safe to show on a terminal and still means the very same value: the characters
 * that `JSON.stringify` leaves as they are although a terminal may obey them are written as `\uXXXX`.
 */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(CONTROL, (character) =>
    // Only between the parts: within strings JSON has line breaks as letters.
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

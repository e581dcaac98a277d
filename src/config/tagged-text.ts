/** Texts that Ansible's YAML tags set apart: `!vault` (encrypted) and `!unsafe` (never a template). */

/**
 * What stands behind the tag is known only to who asks for it by `reveal`: a value that nobody uses
 * needs no password, and a secret gets into no output by accident. As JSON it is written as Ansible
 * writes it, a `!vault` value by its encrypted text.
 */
export class TaggedText {
  readonly tag: 'vault' | 'unsafe';
  readonly #source: string;
  readonly #open: () => string;

  /** `open` may throw a NetorchError: no password, or a wrong one. */
  constructor(tag: 'vault' | 'unsafe', source: string, open: () => string) {
    this.tag = tag;
    this.#source = source;
    this.#open = open;
  }

  reveal(): string {
    return this.#open();
  }

  toJSON(): Readonly<Record<string, string>> {
    return { [`__ansible_${this.tag}`]: this.#source };
  }
}

/** What was asked for, and how far it got: one JSON line a verdict, so that a run that was cut can go on. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export type Wanted = Readonly<{
  seed: number;
  count: number;
  wide: number;
  where: 'lab' | 'here';
  progress: string;
}>;

export function wanted(): Wanted {
  const text = process.env['NETORCH_PROPERTY'];
  if (text === undefined) throw new Error('started by scripts/test-property.js');
  return JSON.parse(text) as Wanted;
}

export type Line = Readonly<{ seed: number; kind: 'passed' | 'failed' | 'refused' }>;

export class Progress {
  readonly #file: string;
  readonly #lines = new Map<number, Line['kind']>();

  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const text of readFileSync(file, 'utf8').split('\n')) {
      // The last line of a run that was cut may be half a line.
      if (!text.endsWith('}')) continue;
      const { seed, kind } = JSON.parse(text) as Line;
      this.#lines.set(seed, kind);
    }
  }

  has(seed: number): boolean {
    return this.#lines.has(seed);
  }

  /** Those that ran; what is refused does not count. */
  get run(): number {
    return this.count('passed') + this.count('failed');
  }

  count(kind: Line['kind']): number {
    return [...this.#lines.values()].filter((other) => other === kind).length;
  }

  add(line: Line & Readonly<Record<string, unknown>>): void {
    this.#lines.set(line.seed, line.kind);
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

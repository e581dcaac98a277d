import { expect, test, vi } from 'vitest';
import { main } from '../../src/cli.js';
import { Lab } from '../../src/lab/lab.js';

const shell = () => ({ argv: ['sh', '-c', 'exit 3'], env: process.env });

test.each([
  ['exec', ['lab', 'exec', 'x']],
  ['ssh', ['lab', 'ssh', 'h1', 'x']],
])('lab %s ends as the command that it ran', async (_what, words) => {
  const lab = { execCommand: shell, consoleCommand: shell } as unknown as Lab;
  const open = vi.spyOn(Lab, 'open').mockResolvedValue(lab);
  expect(await main(words)).toBe(3);
  open.mockRestore();
});

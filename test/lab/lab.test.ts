import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Lab, type LabHostSpec } from '../../src/lab/lab.js';

const hosts: readonly LabHostSpec[] = [{ name: 'h1', init: 'minimal' }];

describe('the folder of a lab', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync('/tmp/netorch-test-');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['longer than socket names may be', `/tmp/${'x'.repeat(80)}`],
    ['with a space', '/tmp/my lab'],
    ['with a comma, which separates the words of a disk', '/tmp/a,b'],
  ])('%s: refused', async (_, dir) => {
    await expect(Lab.up({ dir, hosts })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(Lab.open(dir)).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('with somebody’s files in it is neither used nor removed', async () => {
    writeFileSync(path.join(folder, 'thesis.txt'), 'mine');
    const refusal = { code: 'USAGE', message: expect.stringContaining('something else') };
    await expect(Lab.up({ dir: folder, hosts })).rejects.toMatchObject(refusal);
    await expect(Lab.down(folder)).rejects.toMatchObject(refusal);
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
  });

  test('of a lab whose processes are gone: opening says so, down clears it away', async () => {
    const dir = path.join(folder, 'lab');
    const gone = { pid: 4_194_305, startTicks: 1, bootId: 'an earlier boot' };
    mkdirSync(dir);
    writeFileSync(
      path.join(dir, 'lab.json'),
      JSON.stringify({
        version: 1,
        phase: 'up',
        starter: gone,
        namespace: { holder: gone, init: gone, network: 'net:[1]' },
        hosts: [],
        faults: [],
      }),
    );
    await expect(Lab.open(dir)).rejects.toMatchObject({
      code: 'LAB_FAILED',
      message: expect.stringContaining('has died'),
    });
    expect(await Lab.down(dir)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
    expect(await Lab.down(dir)).toBe(false);
  });
});

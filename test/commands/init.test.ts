import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { initCommand } from '../../src/commands/init.js';
import { JunitFile } from '../../src/commands/junit-file.js';
import { prepare } from '../../src/commands/prepare.js';
import { projectFiles } from '../../src/commands/project-files.js';
import { inventoryYaml } from '../../src/lab/topology.js';
import { labHosts } from '../../src/lab/topology.js';
import { FOUR_HOSTS } from '../ui/fixtures/four-hosts.js';
import { failureOf } from '../config/failure.js';

let folder: string;
let said = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-init-'));
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const init = () => initCommand().parse([folder], { from: 'user' });

test('writes a project, and says how to try it', () => {
  init();
  expect(said).toContain(`written ${join(folder, 'netorch.yml')}`);
  expect(said).toContain('netorch lab up');
});

test('never overwrites', () => {
  const file = join(folder, 'netorch.yml');
  writeFileSync(file, 'mine');
  init();
  expect(readFileSync(file, 'utf8')).toBe('mine');
  expect(said).toContain(`kept    ${file}`);
  expect(said).toContain('written');
});

test('its playbook has a plan for every host of a lab', async () => {
  const lab = join(folder, 'lab.yml');
  writeFileSync(
    lab,
    inventoryYaml(
      labHosts([
        { name: 'h1', init: 'minimal' },
        { name: 'h2', init: 'minimal' },
      ]),
      folder,
    ),
  );
  for (const [name, text] of Object.entries(projectFiles(lab))) {
    const file = join(folder, name);
    init();
    writeFileSync(file, text);
  }
  const plays = await prepare({ cwd: folder }, undefined);
  expect(plays.map((play) => [...play.tasks.keys()])).toEqual([['h1', 'h2']]);
});

test('JUnit results: written when the run is over, and not there until then', () => {
  const file = join(folder, 'results.xml');
  writeFileSync(file, 'of an earlier run');
  const junit = new JunitFile(file);
  expect(existsSync(file)).toBe(false);
  FOUR_HOSTS.forEach(junit.listener);
  junit.save();
  expect(readFileSync(file, 'utf8')).toContain('tests="4" failures="1"');
});

test('JUnit results that cannot be written are the user’s error before the run', () => {
  const missing = join(folder, 'no', 'results.xml');
  expect(failureOf(() => new JunitFile(missing))[0]).toMatch(/FILE_UNREADABLE: --junit: .*ENOENT/);
});

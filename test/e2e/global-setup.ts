/**
 * Once for the whole suite: builds netorch, lays it out as an installed copy (so that a build that
 * somebody starts meanwhile pulls nothing away under a test) and brings up the lab.
 *
 * With NETORCH_E2E_LAB=FOLDER the lab in that folder is used, brought up if need be, and left running.
 * With NETORCH_E2E_VAGRANT=FOLDER virtual machines take the lab's place; scripts/test-vagrant.js has them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { TestProject } from 'vitest/node';

import { Lab, detectLab } from '../../src/lab/lab.js';
import { LAB_HOSTS, LAB_NATURE } from './lab-hosts.js';
import type { TargetNature } from './target.js';
import { vagrantNature } from './vagrant-target.js';

export type LabSuite =
  | Readonly<{ missing: string }>
  | Readonly<{
      missing?: never;
      installed: string;
      nature: TargetNature;
      /** Of the lab; empty where virtual machines take its place. */
      labDir: string;
      vagrantDir?: string;
    }>;

declare module 'vitest' {
  interface ProvidedContext {
    labSuite: LabSuite;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds netorch and lays it out; returns the folder. */
function install(): string {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.js')], { stdio: 'inherit' });
  const installed = mkdtempSync(join(tmpdir(), 'netorch-installed-'));
  for (const part of ['bin', 'dist', 'playbooks', 'package.json']) {
    cpSync(join(root, part), join(installed, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
  return installed;
}

export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | void> {
  const vagrantDir = process.env['NETORCH_E2E_VAGRANT'];
  if (vagrantDir !== undefined) {
    const installed = install();
    const nature = vagrantNature(vagrantDir);
    project.provide('labSuite', { labDir: '', vagrantDir, installed, nature });
    return () => {
      rmSync(installed, { recursive: true, force: true });
      return Promise.resolve();
    };
  }
  const found = await detectLab();
  if (!found.available) {
    const missing = `no lab here, missing: ${found.missing.join(', ')}. ${found.how}`;
    if (process.env['NETORCH_REQUIRE_LAB'] === '1') throw new Error(missing);
    project.provide('labSuite', { missing });
    return;
  }
  const installed = install();
  const kept = process.env['NETORCH_E2E_LAB'];
  const running = kept === undefined ? undefined : await Lab.open(kept).catch(() => undefined);
  const dir = kept ?? join(tmpdir(), `netorch-e2e-${process.pid}`);
  // The tests end at once when they are sent a signal: then nobody calls the function that is returned below.
  const clearAway = () => {
    const netorch = join(installed, 'bin', 'netorch.js');
    if (kept === undefined) spawnSync(process.execPath, [netorch, 'lab', 'down', '--dir', dir]);
    rmSync(installed, { recursive: true, force: true });
  };
  process.once('exit', clearAway);
  const lab =
    running ??
    (await Lab.up({
      dir,
      hosts: LAB_HOSTS,
      progress: (line) => {
        process.stderr.write(`${line}\n`);
      },
    }));
  project.provide('labSuite', { labDir: lab.dir, installed, nature: LAB_NATURE });
  return async () => {
    process.off('exit', clearAway);
    if (kept === undefined) await lab.down();
    rmSync(installed, { recursive: true, force: true });
  };
}

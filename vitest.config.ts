import { defineConfig } from 'vitest/config';

/** What one test of the lab may take: hosts boot, time out and come back. */
const LAB_TEST_MS = 300_000;
/** The lab is built, its image too where it is not cached, and hosts are waited for. */
const LAB_HOOK_MS = 900_000;

const files = (...names: readonly string[]) => names.map((name) => `test/e2e/${name}.test.ts`);

/** Lab tests beyond the first round of `npm test`: `npm run test:long`. */
const LONG = files(
  'changed-meanwhile',
  'changes',
  'connections',
  'documents',
  'examples',
  'killed',
  'kinds',
  'login',
  'mesh',
  'monitor',
  'networkmanager',
  'no-setsid',
  'open-transaction',
  'owners',
  'rollouts',
);
/** Broken on purpose, and what netorch says of it: `npm run test:outages`. */
const OUTAGES = files('outages', 'good-changes');
/** Reboots, power cuts, atomic groups, more of NetworkManager: `npm run test:more`, which takes about two hours. */
const MORE = files(
  'atomic',
  'atomic-eight',
  'both-backends',
  'last-resort',
  'networkmanager-adoption',
  'networkmanager-persistence',
  'networkmanager-shared',
  'persistence',
  'power-cuts',
  'scenarios',
);

const lab = {
  globalSetup: ['test/e2e/global-setup.ts'],
  // One lab for all files.
  fileParallelism: false,
  testTimeout: LAB_TEST_MS,
  hookTimeout: LAB_HOOK_MS,
  // One look at a busy host can take seconds.
  expect: { poll: { timeout: 30_000 } },
};

/** What whole virtual machines are put through: `npm run test:vagrant`, in the first place the same as the lab. */
const VAGRANT = files('distribution', 'management', 'persistence', 'rollback', 'storage-network');

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: ['test/e2e/**', 'test/faults/**'],
          // Real sshd and real shells: slow machines must not turn into failures.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          ...lab,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...LONG, ...MORE, ...OUTAGES, ...files('distribution')],
        },
      },
      { extends: true, test: { ...lab, name: 'e2e-long', include: LONG } },
      { extends: true, test: { ...lab, name: 'e2e-more', include: MORE } },
      { extends: true, test: { ...lab, name: 'outages', include: OUTAGES } },
      // Run by scripts/test-vagrant.js, which has the machines.
      {
        extends: true,
        test: {
          ...lab,
          name: 'vagrant',
          include: VAGRANT,
          // Emulated machines take minutes to boot.
          testTimeout: 8 * LAB_TEST_MS,
          expect: { poll: { timeout: 240_000 } },
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          fileParallelism: false,
          // As many cases at once as there are hosts.
          maxConcurrency: Number(process.env['NETORCH_FAULTS_HOSTS']?.split(',').length ?? 2),
          testTimeout: 2 * LAB_TEST_MS,
          hookTimeout: LAB_HOOK_MS,
        },
      },
      // Run by scripts/test-property.js, which tells it how many.
      {
        extends: true,
        test: {
          name: 'property',
          include: ['test/property/*.property.ts'],
          fileParallelism: false,
          // As long as the count asks for.
          testTimeout: 0,
        },
      },
    ],
  },
});

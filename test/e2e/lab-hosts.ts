import type { LabHostSpec } from '../../src/lab/lab.js';

/** The one set of hosts that all tests share. */
export const LAB_HOSTS: readonly LabHostSpec[] = [
  { name: 'h1', init: 'minimal' },
  { name: 'h2', init: 'minimal' },
  { name: 'h3', init: 'systemd' },
  { name: 'h4', init: 'minimal' },
  { name: 'h5', init: 'networkmanager' },
];

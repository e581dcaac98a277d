import type { LabHostSpec } from '../../src/lab/lab.js';
import type { TargetNature } from './target.js';

/** The one set of hosts that all tests share. */
export const LAB_HOSTS: readonly LabHostSpec[] = [
  { name: 'h1', init: 'minimal' },
  { name: 'h2', init: 'minimal' },
  { name: 'h3', init: 'systemd' },
  { name: 'h4', init: 'minimal' },
  { name: 'h5', init: 'networkmanager' },
];

export const LAB_NATURE: TargetNature = {
  hosts: LAB_HOSTS.map(({ name }) => name),
  patience: 1,
  cannot: { 'whole Debian': 'the hosts of the lab are no whole Debian: npm run test:vagrant' },
};

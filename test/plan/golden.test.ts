/**
 * Each folder of golden/ is a case: `observed.yml` (laid over a bare host with eth1 … eth4; a first line
 * `# ssh ADDRESS from PEER` says how the controller got in), `desired.yml`, `plan.yml`, which has to come out
 * of them (each change with its reason, its hazards and the command lines that carry it out), and
 * `restore.yml`: what the way back would do (restore-document.ts).
 * UPDATE_GOLDEN=1 writes what comes out: read the difference before committing it.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { segmentsOf } from '../../src/backends/iproute2.js';
import { planHost } from '../../src/plan/plan-host.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { desiredOf, hostWith } from '../network/documents.js';
import { restoreDocument } from './restore-document.js';

const golden = join(import.meta.dirname, 'golden');

function planDocument(plan: ChangePlan): string {
  const changes = plan.changes.map((change) => ({
    [change.summary]: {
      why: `${change.why.text}${change.why.location === undefined ? '' : ` (${change.why.location.file}:${change.why.location.line})`}`,
      ...(change.touchesManagement ? { 'touches-ssh': true } : {}),
      // That it touches the path is said above.
      ...hazardTexts(change.hazards.filter(({ kind }) => kind !== 'management-path')),
      do: segmentsOf([change]).flatMap(({ tool, lines }) =>
        lines.map(({ text }) => `${tool} ${text}`),
      ),
    },
  }));
  const document = {
    changes,
    ...hazardTexts(plan.hazards),
    ...(plan.newManagementAddress === undefined
      ? {}
      : { 'ssh-moves-to': plan.newManagementAddress }),
    'outage-seconds': plan.expectedOutageSeconds,
  };
  return stringify(document, { lineWidth: 0 });
}

const hazardTexts = (hazards: ChangePlan['hazards']) =>
  hazards.length === 0
    ? {}
    : { hazards: hazards.map(({ severity, text }) => `${severity}: ${text}`) };

describe('plan', () => {
  for (const name of readdirSync(golden).sort()) {
    const read = (file: string): string => {
      const path = join(golden, name, file);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    test(name.replaceAll('-', ' '), () => {
      const [, serverAddress, clientAddress] =
        /^# ssh (\S+) from (\S+)$/m.exec(read('observed.yml')) ?? [];
      const state = hostWith(read('observed.yml'));
      const plan = planHost(
        'h1',
        {
          state,
          ssh:
            serverAddress === undefined || clientAddress === undefined
              ? undefined
              : { serverAddress, clientAddress, serverPort: 22 },

          resolvedOwnsDns: false,
          dhcpClients: ['udhcpc'],
        },
        desiredOf(read('desired.yml'), 'desired.yml'),
      );
      const documents = {
        'plan.yml': planDocument(plan),
        'restore.yml': restoreDocument(plan, state),
      };
      for (const [file, document] of Object.entries(documents)) {
        if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(golden, name, file), document);
        expect(document).toBe(read(file));
      }
    });
  }

  test('each case stands beside its rule in docs/kernel.md, and none that is not there', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/kernel.md'), 'utf8');
    const table = text.slice(
      text.indexOf('| Rule '),
      text.indexOf('What is refused in the document'),
    );
    const named = [...table.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    expect(named.toSorted()).toEqual(readdirSync(golden).toSorted());
  });
});

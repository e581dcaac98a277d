/** Rules of nftables whose counters go on while a host is looked at: by diagnose.sh itself, with an nft of the test's own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { diagnosisScript } from '../../src/agents/diagnosis-script.js';
import { diagnose } from '../../src/diagnosis/diagnose.js';
import { parseEvidence } from '../../src/diagnosis/evidence.js';
import { bareHost } from '../network/documents.js';

test('a rule that drops packets meanwhile is evidence, one that has dropped some before is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netorch-dropped-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const nft = `#!/bin/sh
case "$*" in *-s*) exit ;; esac
echo x >>${folder}/calls
n=$(wc -l <${folder}/calls)
printf '\\t\\tiifname "eth1" counter packets %d bytes 84 drop\\n' "$n"
printf '\\t\\tiifname "eth2" counter packets 5 bytes 84 drop\\n'
printf '\\t\\tcounter packets %d bytes 84 accept\\n' "$n"
`;
  writeFileSync(join(folder, 'nft'), nft, { mode: 0o755 });
  const { stdout } = spawnSync('sh', {
    input: diagnosisScript({ devices: [], ask: [], peer: undefined, own: undefined }),
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
  });
  const evidence = parseEvidence(stdout);
  expect(evidence.isComplete).toBe(true);
  expect(evidence.dropped).toEqual(['iifname "eth1" counter packets 2 bytes 84 drop']);
  const { cause, evidence: shown } = diagnose(evidence, {
    before: bareHost(),
    target: bareHost(),
    own: undefined,
    isCutOff: true,
    wanted: [],
    unleased: [],
  });
  expect(cause).toBeUndefined();
  expect(shown).toEqual([
    'nftables drops meanwhile: iifname "eth1" counter packets 2 bytes 84 drop',
  ]);
});

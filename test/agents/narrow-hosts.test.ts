/**
 * Hosts that offer less than others, or watch more: /etc that cannot be written, a line that breaks off,
 * somebody who reads along in the process list. In namespaces of this machine's kernel, as runtime.test.ts.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { confirmScript, extendScript, rollbackScript } from '../../src/agents/transaction.js';
import { SHELLS, type NamespaceHost } from './namespace-host.js';
import {
  DESIRED,
  begin,
  confirm,
  eventually,
  expectRolledBack,
  kinds,
  prepare,
  scenarioUnder,
} from './transaction-bench.js';

const DNS = `${DESIRED}
dns-resolver: { config: { server: [192.0.2.53], search: [example.org] } }
`;

/** Whoever comes by one of these points waits there until the test lets it go, by name. */
const stopAt = (points: readonly string[], script: string) =>
  script.replaceAll(
    'point() { :; }',
    `point() { case $1 in ${points.join(' | ')}) ;; *) return 0 ;; esac; : >"/run/at.$1"; until [ -e "/run/go.$1" ]; do sleep 0.05; done; }`,
  );

async function seen(host: NamespaceHost, point: string): Promise<void> {
  await eventually(() => {
    expect(existsSync(`${host.folder('..')}/at.${point}`), point).toBe(true);
  });
}

describe.each(SHELLS)('under %s', (shell) => {
  const scenario = scenarioUnder(shell);

  scenario('no secret stands in a process list or an environment, at any point', async (host) => {
    const nonce = 'a-secret-that-only-the-run-knows';
    const prepared = await prepare(host, DESIRED, { nonce });
    const go = (point: string) => writeFileSync(`${host.folder('..')}/go.${point}`, '');
    const lists: string[] = [];
    const look = async () => {
      lists.push(await host.sh(`cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'`));
    };
    const points = ['begin-compared', 'run-started', 'applying', 'steps-done'];
    const begun = host.send(stopAt([...points, 'confirmed'], prepared.script));
    for (const point of points) {
      await seen(host, point);
      await look();
      go(point);
    }
    await begun;
    expect(await host.send(extendScript(prepared.id, nonce, 300))).toMatchObject({ code: 0 });
    const confirmed = host.send(confirmScript(prepared.id, nonce));
    await seen(host, 'confirmed');
    await look();
    go('confirmed');
    expect((await confirmed).stdout).toBe('confirmed\n');
    // It is there to be found: the transaction's own name is in each of them from the runner on.
    expect(lists).toHaveLength(points.length + 1);
    for (const list of lists.slice(points.indexOf('run-started'))) {
      expect(list).toContain(prepared.id);
    }
    expect(lists.filter((list) => list.includes(nonce))).toEqual([]);
    // And where it has to lie, only root may read.
    const modes = await host.sh(`stat -c %a /run/netorch /run/netorch/${prepared.id}/nonce`);
    expect(modes).toBe('700\n600\n');
  });

  scenario(
    'a change works where /etc cannot be written, and so does its way back',
    async (host) => {
      await host.sh(
        'echo nameserver 192.0.2.1 >/etc/resolv.conf; mount -o remount,bind,ro /etc; ! touch /etc/x 2>/dev/null',
      );
      const first = await prepare(host, DNS);
      expect(kinds(await begin(host, first))).toEqual(['armed', 'applied']);
      expect(await host.sh('cat /etc/resolv.conf')).toContain('nameserver 192.0.2.53');
      await host.send(rollbackScript(first.id, first.request.nonce, 'no'));
      await expectRolledBack(host, first);
      expect(await host.sh('cat /etc/resolv.conf')).toBe('nameserver 192.0.2.1\n');
      const second = await prepare(host, DNS);
      await begin(host, second);
      expect(await confirm(host, second.id)).toBe('confirmed');
      expect(await host.sh('cat /etc/resolv.conf')).toContain('nameserver 192.0.2.53');
    },
  );

  scenario('a transaction cut off in the middle of being sent runs nothing', async (host) => {
    const { script, id } = await prepare(host, DESIRED);
    for (const part of [0.5, 0.999]) {
      const { code } = await host.send(script.slice(0, Math.floor(script.length * part)));
      expect(code).toBe(97);
    }
    expect(existsSync(host.folder(id))).toBe(false);
  });
});

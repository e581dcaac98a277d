/** Aliases, alternative names and promiscuous mode: set, and given back, also to a link that was made anew. */
import { describe, expect } from 'vitest';
import { rollbackScript } from '../../src/agents/transaction.js';
import { compareStates } from '../../src/network/compare.js';
import { SHELLS } from './namespace-host.js';
import {
  NONCE,
  begin,
  expectAsBefore,
  kinds,
  prepare,
  scenarioUnder,
} from './transaction-bench.js';

const ALIAS = `rack "7": it's #1 \\ $(blue)`;

const NAMED = `
ip link add br7 type bridge
printf '%s\\n' '${ALIAS.replaceAll("'", "'\\''")}' >/sys/class/net/br7/ifalias
ip link property add dev br7 altname zeta-of-the-bridge
ip link property add dev br7 altname alpha
ip link set dev br7 promisc on
ip link property add dev eth1 altname left
echo uplink >/sys/class/net/eth1/ifalias
`;

const CHANGED = `
interfaces:
  - {name: br7, state: absent}
  - name: eth1
    description: another word, with blanks
    accept-all-mac-addresses: true
    alt-names: [{name: left, state: absent}, {name: right-hand-side-of-it}]
`;

describe.each(SHELLS)('names of links under %s', (shell) => {
  const scenario = scenarioUnder(shell);

  scenario('come back in a rollback, to links that are made anew as well', async (host) => {
    await host.sh(NAMED);
    const prepared = await prepare(host, CHANGED);
    expect(prepared.observed.state.interfaces.get('br7')).toMatchObject({
      alias: ALIAS,
      altNames: ['alpha', 'zeta-of-the-bridge'],
      promiscuous: true,
    });
    expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
    const now = await host.observe();
    expect(compareStates(prepared.plan.target, now.state, new Set(prepared.plan.scope))).toEqual(
      [],
    );
    expect(now.state.interfaces.get('eth1')).toMatchObject({
      alias: 'another word, with blanks',
      altNames: ['right-hand-side-of-it'],
      promiscuous: true,
    });
    const asked = await host.send(rollbackScript(prepared.id, NONCE, 'as a test'));
    expect(asked.stdout.trim().split('\n').at(-1)).toBe('rolled-back verified');
    await expectAsBefore(host, prepared.observed);
  });
});

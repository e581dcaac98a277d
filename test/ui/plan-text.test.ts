import { describe, expect, test } from 'vitest';
import { NetorchError } from '../../src/errors.js';
import { planToJson } from '../../src/ui/plan-json.js';
import type { HostPlan } from '../../src/ui/plan-text.js';
import { renderPlan } from '../../src/ui/plan-text.js';
import { textWidth } from '../../src/ui/text-width.js';
import { bondPlan, change, changePlan } from './fixtures/change-plans.js';

const DNS = changePlan([change('modify', 'set DNS servers 192.0.2.53', { why: 'dns', line: 3 })]);

const FLEET: readonly HostPlan[] = [
  { host: 'web1', plan: bondPlan('192.0.2.11') },
  { host: 'db1', plan: DNS },
  { host: 'db2', plan: undefined },
  { host: 'db3', plan: DNS },
  { host: 'db4', plan: changePlan([]) },
  {
    host: 'old1',
    plan: undefined,
    error: new NetorchError('OWNED_BY_OTHER', 'eth1 belongs to NetworkManager', {
      location: { file: 'playbooks/site.yml', line: 13, column: 21 },
      notes: ['use `backend: nmcli`, or take eth1 out of NetworkManager'],
    }),
  },
];

describe('the text', () => {
  test.each([
    ['at 100 cells', { colour: false }, 'golden/fleet.plan.100.txt'],
    ['at 60 cells', { colour: false, width: 60 }, 'golden/fleet.plan.60.txt'],
    ['in ASCII', { colour: false, unicode: false }, 'golden/fleet.plan.ascii.txt'],
  ])('of a mixed fleet %s', async (_, options, golden) => {
    await expect(`${renderPlan(FLEET, options)}\n`).toMatchFileSnapshot(golden);
  });

  test.each([40, 60, 80, 100, 200])(
    'reasons, hazards and host names are wrapped at %i cells',
    (width) => {
      const summaries = FLEET.flatMap((item) => item.plan?.changes.map((one) => one.summary) ?? []);
      const tooWide = renderPlan(FLEET, { colour: false, width })
        .split('\n')
        .filter((line) => textWidth(line) > width)
        .filter((line) => !summaries.some((summary) => line.includes(summary)))
        .filter((line) => !/^ {2}\S+:\d+:\d+ |use `backend|to create/.test(line));
      expect(tooWide).toEqual([]);
    },
  );

  test('in ASCII holds nothing else', () => {
    expect(renderPlan(FLEET, { colour: false, unicode: false })).toMatch(/^[\n\u0020-\u007e]*$/);
  });

  test('plans that differ only in addresses are shown once, with a table of them', () => {
    const text = renderPlan(
      [
        { host: 'web1', plan: bondPlan('192.0.2.11') },
        { host: 'web2', plan: bondPlan('192.0.2.12') },
      ],
      { colour: false },
    );
    expect(text).toContain('2 hosts, same plan but for their own values: web1, web2');
    expect(text.match(/create bond bond0/g)).toHaveLength(1);
    expect(text).toMatch(/‹A›/);
    expect(text).toMatch(/^ {2}web1 +192\.0\.2\.11\/24 +192\.0\.2\.11$/m);
    expect(text).toMatch(/^ {2}web2 +192\.0\.2\.12\/24 +192\.0\.2\.12$/m);
  });

  test('hosts whose values fall together differently are not thrown together', () => {
    const swap = (summary: string) => changePlan([change('modify', summary)]);
    const text = renderPlan(
      [
        { host: 'a', plan: swap('move 192.0.2.1 away from 192.0.2.1') },
        { host: 'b', plan: swap('move 192.0.2.1 away from 192.0.2.2') },
      ],
      { colour: false },
    );
    expect(text).not.toContain('same plan');
  });

  test('values that all hosts share stay in the text', () => {
    const plan = (mac: string) => changePlan([change('modify', `route via 192.0.2.1, MAC ${mac}`)]);
    const text = renderPlan(
      [
        { host: 'a', plan: plan('02:00:00:00:00:01') },
        { host: 'b', plan: plan('02:00:00:00:00:02') },
      ],
      { colour: false },
    );
    expect(text).toContain('route via 192.0.2.1, MAC ‹A›');
  });

  test('a change of the SSH address is announced with the outage', () => {
    const plan = changePlan([change('modify', 'x', { touchesManagement: true })], {
      newManagementAddress: '192.0.2.99',
      expectedOutageSeconds: 3.2,
    });
    expect(renderPlan([{ host: 'web1', plan }], { colour: false })).toContain(
      'management path is changed: may be cut off for up to 4 s; SSH moves to 192.0.2.99',
    );
  });

  test.each<[string, readonly HostPlan[], string]>([
    ['nothing at all', [], 'no hosts'],
    ['one host with nothing to do', [{ host: 'a', plan: undefined }], '1 host has nothing to do'],
    [
      'changes are summed over hosts',
      [
        { host: 'a', plan: DNS },
        { host: 'b', plan: DNS },
      ],
      '0 to create, 2 to change, 0 to delete on 2 hosts',
    ],
    [
      'a mixed fleet',
      FLEET,
      '1 to create, 5 to change, 1 to delete, 1 to recreate on 3 hosts; 2 hosts have nothing to do; 1 host without a plan',
    ],
  ])('footer: %s', (_, plans, expected) => {
    expect(renderPlan(plans, { colour: false }).split('\n').at(-1)).toBe(expected);
  });

  test('escape sequences in names do not reach the terminal', () => {
    const plan = changePlan([change('modify', 'set alias \u001b[2Jx', { why: 'a\u009b1mb' })]);
    const text = renderPlan([{ host: 'we\u001b]0;t\u0007b1', plan }], { colour: false });
    expect(text).toMatch(/^web1\n {2}~ {3}set alias x {2}ab\n/);
  });

  test('what shows only across the hosts comes before the totals, with its place, without control characters', () => {
    const text = renderPlan(FLEET, { colour: false, width: 60 }, [
      {
        kind: 'unequal-mtu',
        severity: 'warning',
        hosts: ['db1', 'db2'],
        text: '192.0.2.0/24 has MTU 9000 on db1, and MTU 1500 on \u001b[2Jdb2: large packets between them are lost',
        location: { file: 'site.yml', line: 4, column: 7 },
      },
    ]);
    expect(text).toContain(
      ['across the hosts', '  ! 192.0.2.0/24 has MTU 9000 on db1, and MTU 1500 on'].join('\n'),
    );
    expect(text).toContain('(site.yml:4:7)');
    expect(text).not.toContain('\u001b');
    expect(text.indexOf('across the hosts')).toBeGreaterThan(text.indexOf('OWNED_BY_OTHER'));
  });

  test('colour only adds colour', () => {
    const coloured = renderPlan(FLEET, { colour: true });
    expect(coloured).toContain('\u001b[32m+   \u001b[39m');
    // oxlint-disable-next-line no-control-regex -- taking the colour off again
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(renderPlan(FLEET, { colour: false }));
  });
});

describe('the JSON', () => {
  test('has one entry per host, in order, with its status', () => {
    const json = planToJson(FLEET);
    expect(json.version).toBe(1);
    expect(json.hosts.map((host) => [host.host, host.status])).toEqual([
      ['web1', 'changed'],
      ['db1', 'changed'],
      ['db2', 'unchanged'],
      ['db3', 'changed'],
      ['db4', 'unchanged'],
      ['old1', 'error'],
    ]);
    expect(json.totals).toEqual({
      create: 1,
      modify: 5,
      delete: 1,
      recreate: 1,
      changedHosts: 3,
      unchangedHosts: 2,
      failedHosts: 1,
    });
  });

  test('survives JSON with nothing left out', () => {
    const json = planToJson(FLEET);
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
    expect(json.hosts[2]).toEqual({
      host: 'db2',
      status: 'unchanged',
      changes: [],
      hazards: [],
      scope: [],
      touchesManagement: false,
      newManagementAddress: null,
      expectedOutageSeconds: 0,
      waits: [],
      error: null,
    });
    expect(json.hosts[5]?.error).toEqual({
      code: 'OWNED_BY_OTHER',
      message: 'eth1 belongs to NetworkManager',
      location: { file: 'playbooks/site.yml', line: 13, column: 21 },
      notes: ['use `backend: nmcli`, or take eth1 out of NetworkManager'],
    });
  });
});

import { describe, expect, test } from 'vitest';
import { junitXml } from '../../src/ui/junit.js';
import { reportRun } from '../../src/ui/run-report.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { THOUSAND_HOSTS } from './fixtures/thousand-hosts.js';
import { eventsUntil } from './fixtures/view-at.js';

describe('JUnit', () => {
  test('a case per host, with its cause and its changes', async () => {
    await expect(junitXml([reportRun(FOUR_HOSTS)])).toMatchFileSnapshot(
      'golden/four-hosts.junit.xml',
    );
  });

  test('the counts of the suite are those of its cases', () => {
    const xml = junitXml([reportRun(THOUSAND_HOSTS)]);
    const count = (pattern: RegExp) => xml.match(pattern)?.length ?? 0;
    expect(xml).toContain('tests="1000" failures="34" errors="0" skipped="0"');
    expect(count(/<testcase /g)).toBe(1000);
    expect(count(/<failure /g)).toBe(34);
  });

  test('hosts that were left under way are errors, those not begun are skipped', () => {
    const xml = junitXml([reportRun(eventsUntil(FOUR_HOSTS, 3))]);
    expect(xml).toContain('tests="4" failures="0" errors="1" skipped="3"');
    expect(xml).toContain('<error type="unfinished"');
  });

  test('a suite per run, and none for a command that began nothing', () => {
    expect(
      junitXml([reportRun(FOUR_HOSTS), reportRun(FOUR_HOSTS)]).match(/<testsuite /g),
    ).toHaveLength(2);
    expect(junitXml([])).toMatch(/<testsuites name="netorch">\s*<\/testsuites>\n$/);
  });

  test.each(['<x a="1">&\'', ']]>', '\u0000\u001b[2J\ufffe\ud800', '\u202e'])(
    'what a host says (%j) makes no markup and no character that XML has not',
    (words) => {
      const events = FOUR_HOSTS.map((event) =>
        event.type === 'host.finished' && event.cause !== undefined
          ? { ...event, cause: `:${words}`, details: [`:${words}`] }
          : event,
      );
      const xml = junitXml([reportRun(events)]);
      // oxlint-disable-next-line no-control-regex -- what XML 1.0 has not
      expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\p{Cs}\ufffe\uffff]/u);
      expect(xml.match(/<\w+/g)).toEqual(junitXml([reportRun(FOUR_HOSTS)]).match(/<\w+/g));
    },
  );
});

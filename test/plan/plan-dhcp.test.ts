/** Which client is started. */
import { describe, expect, test } from 'vitest';
import type { DhcpClient, DhcpSettings } from '../../src/network/state.js';
import type { DhcpTool } from '../../src/plan/change.js';
import { chooseTool } from '../../src/plan/plan-dhcp.js';

const choose = (
  installed: readonly DhcpTool[],
  client?: DhcpClient,
  settings: DhcpSettings = {},
): DhcpTool =>
  chooseTool('h1', 'eth1', { client, settings, process: undefined }, installed, undefined);

describe('the DHCP client that is started', () => {
  test('is the first that is installed', () => {
    expect(choose(['dhclient', 'udhcpc'])).toBe('dhclient');
  });
  test('is the one that served the address before', () => {
    expect(choose(['dhclient', 'udhcpc'], 'udhcpc')).toBe('udhcpc');
  });
  test('is one that can do what the plan asks for', () => {
    expect(choose(['dhclient', 'busybox-udhcpc'], 'dhclient', { metric: 5 })).toBe(
      'busybox-udhcpc',
    );
  });
  test('is missing: refused by name', () => {
    expect(() => choose([])).toThrow('h1: eth1 shall have DHCP, but there is no DHCP client');
    expect(() => choose(['dhclient'], undefined, { gateway: false })).toThrow(
      'h1: auto-gateway of eth1: netorch can ask this of udhcpc only, and the host has dhclient',
    );
  });
});

import { describe, expect, test } from 'vitest';
import { findBootOwners, isCloudInitActive } from '../../src/agents/boot-owners.js';

const NAMES = ['lo', 'eth0', 'eth1', 'bond0', 'br-lan', 'enp3s0f0'];
const ownersOf = (...lines: readonly string[]) => Object.fromEntries(findBootOwners(lines, NAMES));

describe('who configures an interface at boot', () => {
  test.each<[string, readonly string[], Readonly<Record<string, string>>]>([
    [
      'ifupdown: iface, auto and allow-hotplug, but never lo',
      [
        'ifupdown /etc/network/interfaces:auto lo eth0',
        'ifupdown /etc/network/interfaces:iface lo inet loopback',
        'ifupdown /etc/network/interfaces:iface eth0 inet static',
        'ifupdown /etc/network/interfaces.d/50-cloud-init:allow-hotplug eth1',
      ],
      {
        eth0: 'ifupdown (/etc/network/interfaces)',
        eth1: 'ifupdown (/etc/network/interfaces.d/50-cloud-init)',
      },
    ],
    [
      'ifupdown: patterns, and mappings after "="',
      ['ifupdown /etc/network/interfaces:auto /dev/null eth*=dhcp'],
      {
        eth0: 'ifupdown (/etc/network/interfaces)',
        eth1: 'ifupdown (/etc/network/interfaces)',
      },
    ],
    [
      'networkd: several names, patterns; a kind is no name',
      [
        'networkd /etc/systemd/network/10.network:Name=bond0 enp*',
        'networkd /etc/systemd/network/10.netdev:Kind=eth0',
      ],
      {
        bond0: 'systemd-networkd (/etc/systemd/network/10.network)',
        enp3s0f0: 'systemd-networkd (/etc/systemd/network/10.network)',
      },
    ],
    [
      'networkd: a list that is turned round',
      ['networkd /etc/systemd/network/10.network:Name=!eth* bond0 br-lan'],
      { enp3s0f0: 'systemd-networkd (/etc/systemd/network/10.network)' },
    ],
    [
      'NetworkManager, netplan, ifcfg, wicked',
      [
        'networkmanager /etc/NetworkManager/system-connections/a.nmconnection:interface-name=eth0',
        'netplan /etc/netplan/50.yaml:    "eth1":',
        'netplan /etc/netplan/50.yaml:  ethernets: # those',
        'ifcfg /etc/sysconfig/network-scripts/ifcfg-bond0:DEVICE="bond0"',
        'wicked /etc/sysconfig/network/ifcfg-br-lan:br-lan',
      ],
      {
        eth0: 'NetworkManager (/etc/NetworkManager/system-connections/a.nmconnection)',
        eth1: 'netplan (/etc/netplan/50.yaml)',
        bond0: 'the ifcfg files (/etc/sysconfig/network-scripts/ifcfg-bond0)',
        'br-lan': 'wicked (/etc/sysconfig/network/ifcfg-br-lan)',
      },
    ],
    ['nothing: nobody', [], {}],
    ['what is no such line: nobody', ['hello', 'ifupdown nonsense', 'other /x:eth0'], {}],
  ])('%s', (_name, lines, owners) => {
    expect(ownersOf(...lines)).toEqual(owners);
  });

  test('dhcpcd takes every interface', () => {
    expect(Object.keys(ownersOf('dhcpcd /etc/dhcpcd.conf:*'))).toEqual(NAMES.slice(1));
  });

  test('cloud-init is told apart: it owns no interface, but writes files', () => {
    const lines = ['cloud-init /etc/cloud/cloud.cfg:*'];
    expect(ownersOf(...lines)).toEqual({});
    expect(isCloudInitActive(lines)).toBe(true);
    expect(isCloudInitActive([])).toBe(false);
  });
});

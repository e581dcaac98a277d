import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const HOSTS = ['h1', 'h3'];

describeInLab('changes of the very path that netorch comes in by', (bench) => {
  test('the management NIC moves into a bond under a bridge with its address, route and MAC', async () => {
    const macOf = async (host: string, device: string) =>
      (await bench().on(host, `cat /sys/class/net/${device}/address`)).trim();
    const macs = await Promise.all(HOSTS.map((host) => macOf(host, 'eth1')));

    const run = await bench().apply(bench().playbookInOneWave('management-bond'), HOSTS.join(','));

    expect(HOSTS.map((host) => run.finished(host))).toMatchObject(
      HOSTS.map(() => ({ outcome: 'confirmed' })),
    );
    expect(run.code).toBe(0);
    for (const [index, host] of HOSTS.entries()) {
      const { address } = bench().lab.host(host);
      expect(await bench().on(host, 'ip -4 -o addr show scope global')).toMatch(
        new RegExp(`br-mgmt +inet ${address}/24`),
      );
      expect(await bench().on(host, 'ip -4 -o addr show dev eth1')).toBe('');
      expect(await bench().on(host, 'ip route show default')).toMatch(
        /^default via 10\.10\.0\.1 dev br-mgmt/,
      );
      expect(await macOf(host, 'br-mgmt')).toBe(macs[index]);
      expect(await bench().on(host, 'cat /sys/class/net/bond-mgmt/bonding/slaves')).toBe(
        'eth1 eth2\n',
      );
      expect(await bench().on(host, 'readlink /sys/class/net/bond-mgmt/master')).toMatch(
        /br-mgmt\n$/,
      );
    }

    // The bond is there for this: one cable pulled, and netorch still gets in.
    for (const host of HOSTS) await bench().lab.break({ kind: 'link', host, nic: 'eth1' });
    const again = await bench().apply(
      bench().playbookInOneWave('management-bond'),
      HOSTS.join(','),
    );
    expect(HOSTS.map((host) => again.finished(host).outcome)).toEqual(HOSTS.map(() => 'unchanged'));
  });

  test('a new management address is confirmed at the new address, and the old one is gone', async () => {
    const playbook = bench().playbookInOneWave('readdress-management');

    const run = await bench().apply(playbook, HOSTS.join(','));

    expect(run.code).toBe(0);
    for (const [host, address] of [
      ['h1', '10.10.0.111'],
      ['h3', '10.10.0.113'],
    ] as const) {
      expect(run.finished(host)).toMatchObject({ outcome: 'confirmed' });
      expect(run.events).toContainEqual(
        expect.objectContaining({ type: 'host.reached', host, address }),
      );
      expect(await bench().on(host, 'ip -4 -o addr show dev eth1')).toContain(` ${address}/24 `);
      const answers = async (ip: string) =>
        (await bench().lab.exec(['nc', '-z', '-w', '2', ip, '22'])).code;
      expect(await answers(address)).toBe(0);
      expect(await answers(bench().lab.host(host).address)).not.toBe(0);
      expect(await bench().on(host, 'ip route show default')).toMatch(/^default via 10\.10\.0\.1 /);
    }
    // With the inventory as it was, the hosts are not to be found any more, and netorch says so.
    const before = await bench().apply(playbook, 'h1');
    expect(before.code).toBe(1);
    expect(before.finished('h1')).toMatchObject({
      outcome: 'failed',
      cause: expect.stringContaining('HOST_UNREACHABLE'),
    });
    const at = bench().variables('at.yml', { h1: { ansible_host: '10.10.0.111' } });
    // Known hosts are known by their addresses: this one is to be known by the name it had.
    const after = await bench().run(['status', '--hosts', 'h1'], { inventory: [at] });
    expect(after.stdout + after.stderr).toMatch(/h1/);
  });
});

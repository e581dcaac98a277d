// Many hosts on one machine: addresses 127.x.y.z of a real sshd in a network namespace of its own. All of them
// are that namespace, or each is a set of namespaces of its own, where it can be changed like any host. Root is
// needed. What is started ends with the process that called `enterNamespace`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs this script again in namespaces of its own, and ends with it. Returns at once in the second run. */
export async function enterNamespace() {
  if (process.env.NETORCH_BENCH_INSIDE !== undefined) return;
  // A /sys of this network, with the control groups as they were.
  const script = `set -e
ip link set lo up
mount --rbind /sys/fs/cgroup /mnt
mount -t sysfs sysfs /sys
mount --rbind /mnt /sys/fs/cgroup
exec "$@"`;
  const child = spawn(
    'unshare',
    ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', script]
      .concat('sh', process.execPath, ...process.execArgv)
      .concat(process.argv.slice(1)),
    { stdio: 'inherit', env: { ...process.env, NETORCH_BENCH_INSIDE: '1' } },
  );
  const [code] = await once(child, 'close');
  process.exit(code ?? 1);
}

const addressOf = (index) => `127.${1 + (index >> 14)}.${(index >> 7) & 127}.${1 + (index & 127)}`;

export class LoopbackFleet {
  /** name and address of each host */
  hosts;
  #folder;

  constructor(folder, count) {
    this.#folder = folder;
    this.hosts = Array.from({ length: count }, (_, index) => ({
      name: `n${String(index + 1).padStart(4, '0')}`,
      address: addressOf(index),
    }));
    for (const name of ['host', 'user']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.path(name)]);
    }
  }

  path(name) {
    return join(this.#folder, name);
  }

  file(name, text, mode = 0o600) {
    writeFileSync(this.path(name), text, { mode });
    return this.path(name);
  }

  /**
   * One sshd for all addresses at a port; `isReal`: each login gets into its host's namespaces. Gives its
   * process, how many logins it has accepted, and how often it has refused a connection because of MaxStartups so far.
   */
  startSshd({ port, maxStartups, isReal }) {
    mkdirSync('/run/sshd', { recursive: true });
    const enter = this.file(
      'enter',
      `#!/bin/sh
set -- $SSH_CONNECTION
read -r pid <"${this.path('pids')}/$3"
exec nsenter -t "$pid" -n -m -p -- sh -c "$SSH_ORIGINAL_COMMAND"
`,
      0o755,
    );
    const config = this.file(
      `sshd_config.${port}`,
      `Port ${port}
ListenAddress 0.0.0.0
HostKey ${this.path('host')}
PidFile none
AuthorizedKeysFile ${this.path('user.pub')}
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
PrintMotd no
SetEnv SHLVL=1
MaxStartups ${maxStartups}
${isReal ? `ForceCommand ${enter}` : ''}
`,
    );
    const process = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const sshd = { process, refused: 0, accepted: 0 };
    process.stderr.setEncoding('utf8').on('data', (text) => {
      sshd.refused += text.split('drop connection').length - 1;
      sshd.accepted += text.split('Accepted publickey').length - 1;
    });
    return sshd;
  }

  /**
   * Each host: a process that holds its namespaces, with a /run, a loopback interface and processes of its own;
   * with those of all others among its own, whoever looks for a DHCP client would look at a thousand hosts.
   */
  startNamespaces() {
    mkdirSync(this.path('pids'));
    const hold = this.file(
      'hold',
      `ip link set lo up; mount -t tmpfs tmpfs /run; mount -t sysfs sysfs /sys
: >"$1.up"; exec sleep 1000000
`,
    );
    const start = `unshare -n -m -p --fork --mount-proc sh ${hold}`;
    const lines = this.hosts.map(({ address }) => {
      const pid = `${this.path('pids')}/${address}`;
      return `${start} ${pid} & p=$!; until [ -e ${pid}.up ]; do sleep 0.02; done; cat /proc/$p/task/$p/children >${pid}`;
    });
    execFileSync('sh', [this.file('all', lines.join('\n'))], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /**
   * Each host gets an eth0 of one segment, which is up and has no address. `ipOf`: the address that the n-th is going to
   * have, where all are to know each other beforehand: all namespaces share one table of neighbours, which holds 1,024
   * (gc_thresh3) besides those that are permanent. After startNamespaces.
   */
  joinSegment(ipOf, known) {
    const pidOf = (address) => readFileSync(join(this.path('pids'), address), 'utf8').trim();
    const macOf = (index) =>
      `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;
    const lines = this.hosts.flatMap(({ name, address }, index) => [
      `link add ${name} type veth peer name eth0 address ${macOf(index)} netns ${pidOf(address)}`,
      `link set dev ${name} master segment up`,
    ]);
    const input = ['link add segment up type bridge', ...lines].map((line) => `${line}\n`).join('');
    execFileSync('ip', ['-batch', '-'], { input, stdio: ['pipe', 'ignore', 'inherit'] });
    const neighbours = Array.from(
      { length: known },
      (_, index) => `neigh replace ${ipOf(index)} lladdr ${macOf(index)} nud permanent dev eth0\n`,
    );
    for (const [own, { address }] of this.hosts.entries()) {
      const others = own < known ? neighbours.filter((_, index) => index !== own) : [];
      execFileSync('nsenter', ['-t', pidOf(address), '-n', 'ip', '-batch', '-'], {
        input: ['link set eth0 up\n', ...others].join(''),
        stdio: ['pipe', 'ignore', 'inherit'],
      });
    }
  }

  /** inventory.json and known_hosts for the sshd at a port; gives the inventory's path. */
  writeInventory(port) {
    const [type, key] = readFileSync(this.path('host.pub'), 'utf8').split(' ');
    const known = this.file(
      `known_hosts.${port}`,
      this.hosts.map(({ address }) => `[${address}]:${port} ${type} ${key}\n`).join(''),
    );
    const options = `-o UserKnownHostsFile=${known} -o StrictHostKeyChecking=yes`;
    const vars = {
      ansible_user: 'root',
      ansible_port: port,
      ansible_ssh_private_key_file: this.path('user'),
      ansible_ssh_common_args: options,
    };
    const hosts = this.hosts.map(({ name, address }) => [name, { ansible_host: address }]);
    const all = { vars, hosts: Object.fromEntries(hosts) };
    return this.file(`inventory.${port}.json`, JSON.stringify({ all }));
  }
}

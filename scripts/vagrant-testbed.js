// Virtual machines by Vagrant and libvirt, as a target for the acceptance tests. libvirt runs in namespaces of its
// own (vagrant/testbed.sh): they end with this process, however it ends, and take all that is in them along.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../vagrant', import.meta.url));
const BOX_NAME = 'netorch/debian';
/** As in the lab: the controller, and the address of host i in the network of the data NICs. */
const GATEWAY = '10.10.0.1';
const address = (index) => `10.10.0.${10 + index}`;
/** Frames of the storage tests are large. Guests begin with 1500; what lies between them lets all pass. */
const CABLE_MTU = 9216;

export class Testbed {
  /** Everything that the machines need is in here. */
  dir = mkdtempSync(join(tmpdir(), 'netorch-vagrant-'));
  #holder;
  #inside;
  #names;
  #children = new Set();
  #isStopping = false;
  /** Whether Vagrant has been asked for machines. */
  #isBegun = false;
  #say;

  /**
   * @param {readonly string[]} names Of the hosts; each ends in its number.
   * @param {(line: string) => void} say
   */
  constructor(names, say) {
    this.#names = names;
    this.#say = say;
  }

  /** Opens the namespaces and starts libvirt in them. */
  async open() {
    const folder = join(this.dir, 'vagrant');
    cpSync(source, folder, { recursive: true, filter: (file) => !file.endsWith('.vagrant') });
    const argv = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const script = join(folder, 'testbed.sh');
    // A session of its own: Ctrl-C is for this process, which then ends all in good order.
    const holder = spawn('unshare', [...argv, 'sh', script, this.dir], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#holder = holder;
    this.#ended = new Promise((resolve) => holder.once('close', resolve));
    holder.once('error', () => undefined);
    await new Promise((resolve, reject) => {
      holder.stdout.once('data', resolve);
      holder.once('close', () => reject(new Error('libvirt could not be started; see above')));
    });
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8');
    this.#inside = children.trim().split(' ')[0];
  }
  #ended = Promise.resolve();

  /** argv of a program inside the namespaces. */
  #enter(argv) {
    return ['nsenter', '-t', this.#inside, '-n', '-m', '-p', '--', ...argv];
  }

  /**
   * Runs a program inside; resolves to its output, rejects when it fails.
   * @param {readonly string[]} argv
   */
  run(argv, { input = '', isShown = false } = {}) {
    const [file, ...args] = this.#enter(argv);
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, {
        detached: true,
        // nsenter forgets the working directory.
        env: {
          ...process.env,
          LC_ALL: 'C.UTF-8',
          PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
          VAGRANT_CWD: join(this.dir, 'vagrant'),
          VAGRANT_HOME: join(this.dir, 'home'),
          VAGRANT_DOTFILE_PATH: join(this.dir, 'machines'),
          VAGRANT_CHECKPOINT_DISABLE: '1',
          VAGRANT_DEFAULT_PROVIDER: 'libvirt',
          VAGRANT_NO_PARALLEL: '',
          NETORCH_VAGRANT_NAMES: this.#names.join(' '),
          NETORCH_VAGRANT_BOX: BOX_NAME,
          NETORCH_VAGRANT_KNOWN_HOSTS: join(this.dir, 'known_hosts'),
        },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      this.#children.add(child);
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) {
        child[name].setEncoding('utf8');
        child[name].on('data', (text) => {
          output[name] += text;
          if (!isShown) return;
          // Of progress that is written over and over on one line, nothing.
          for (const line of text.split('\n')) {
            if (line.trim() !== '' && !/\r|Progress: /.test(line)) this.#say(line.trimEnd());
          }
        });
      }
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      child.on('error', reject);
      child.on('close', (code) => {
        this.#children.delete(child);
        if (code === 0) resolve(output.stdout);
        else {
          const said = isShown ? '' : `: ${(output.stderr || output.stdout).trim()}`;
          reject(new Error(`${argv.slice(0, 3).join(' ')} ended with ${code}${said}`));
        }
      });
    });
  }

  /** Brings the machines up and makes of them what the tests expect. */
  async up(box) {
    mkdirSync(join(this.dir, 'home'));
    await this.run(['vagrant', 'box', 'add', '--name', BOX_NAME, box], { isShown: false });
    this.#refuseWhenStopping();
    this.#isBegun = true;
    await this.run(['vagrant', 'up'], { isShown: true });
    this.#refuseWhenStopping();
    await this.#describe();
  }

  #refuseWhenStopping() {
    if (this.#isStopping) throw new Error('interrupted');
  }

  /** The files by which the tests find the machines: test/e2e/vagrant-target.ts reads them. */
  async #describe() {
    const hosts = this.#names.map((name) => {
      const index = Number(/\d+$/.exec(name)?.[0]);
      return { name, index, init: 'systemd', address: address(index), consoleAddress: '' };
    });
    const write = (name, text) => writeFileSync(join(this.dir, name), text, { mode: 0o600 });
    const config = await this.run(['vagrant', 'ssh-config']);
    write('machines_ssh_config', config);
    write(
      'ssh_config',
      `${config}
Host *
  ControlMaster auto
  ControlPath ${this.dir}/console-%n
  ControlPersist yes
  ServerAliveInterval 10
  ServerAliveCountMax 6
  ConnectTimeout 60
`,
    );
    const console = (host, words, input) =>
      this.run(['ssh', '-F', join(this.dir, 'ssh_config'), host.name, 'sudo', ...words], { input });
    const prepare = readFileSync(join(source, 'prepare-host.sh'), 'utf8');
    const knownHosts = [];
    for (const host of hosts) {
      await console(host, ['sh', '-s', '--', host.address, GATEWAY], prepare);
      const key = await console(host, ['cat', '/etc/ssh/ssh_host_ed25519_key.pub']);
      const names = [host.name, host.address, `10.100.0.${10 + host.index}`];
      knownHosts.push(`${names.join(',')} ${key.split(' ').slice(0, 2).join(' ').trim()}\n`);
    }
    write('known_hosts', knownHosts.join(''));
    await this.run(['sh', '-eu', '-s'], { input: this.#cables() });
    write(
      'connect',
      `#!/bin/sh
# connect HOST PORT: joins standard input and output to a port in the network of the machines.
exec nsenter -t ${this.#inside} -n -- nc "$1" "$2"
`,
    );
    chmodSync(join(this.dir, 'connect'), 0o700);
    // As users get it, and over it the way that the tests go: the data network, by eth1.
    const inventory = join(this.dir, 'vagrant', 'inventory.sh');
    const found = await this.run(['sh', inventory, join(this.dir, 'machines_ssh_config')]);
    let text = found;
    for (const host of hosts) {
      const at = new RegExp(
        `('${host.name}':\\n\\s+ansible_host: )'.*'\\n(\\s+)ansible_port: \\d+`,
      );
      text = text.replace(at, `$1'${host.address}'\n$2ansible_port: 22`);
    }
    const proxy = `-o ProxyCommand="sh ${this.dir}/connect %h %p"`;
    write(
      'inventory.yml',
      text.replace("ansible_ssh_common_args: '", `ansible_ssh_common_args: '${proxy} `),
    );
    write(
      'target.json',
      JSON.stringify({ hosts, inside: Number(this.#inside), cables: this.#cables() }, undefined, 2),
    );
  }

  /** What lies between the machines, on the controller's side; a machine that was switched on again needs it anew. */
  #cables() {
    return `bridge=$(virsh -c qemu:///system net-info netorch-data | sed -n 's/^Bridge: *//p')
for device in /sys/class/net/*; do
  master=$(readlink "$device/master" || :)
  [ "\${master##*/}" != "$bridge" ] || ip link set dev "\${device##*/}" mtu ${CABLE_MTU}
done
ip link set dev "$bridge" mtu ${CABLE_MTU}
for file in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$file" ] || echo 0 >"$file" || :; done
# Linux answers for the address of one NIC on any other, and a host in the wrong VLAN would still be answered.
echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
`;
  }

  /** Runs a program outside, on this terminal, which an interruption ends as well. */
  runOutside(argv, env) {
    const [file, ...args] = argv;
    return new Promise((resolve) => {
      const child = spawn(file, args, {
        detached: true,
        stdio: 'inherit',
        env: { ...process.env, ...env },
      });
      this.#children.add(child);
      child.on('error', () => resolve(127));
      child.on('close', (code) => {
        this.#children.delete(child);
        resolve(code ?? 1);
      });
    });
  }

  /** Asks everything that runs to end. What destroys the machines runs after that. */
  stop() {
    this.#isStopping = true;
    for (const child of this.#children) {
      try {
        process.kill(-child.pid, 'SIGINT');
      } catch {
        // It has just ended.
      }
    }
  }

  /**
   * Destroys the machines, ends libvirt and removes the folder. Resolves to what Vagrant has left
   * behind of machines and networks, which should be nothing; all of it is gone by then.
   * @returns {Promise<string[]>}
   */
  async close() {
    const left = [];
    try {
      if (this.#isBegun) {
        await this.run(['vagrant', 'destroy', '--force'], { isShown: true }).catch(
          (/** @type {unknown} */ error) => left.push(String(error)),
        );
        for (const what of ['list', 'net-list']) {
          const argv = ['virsh', '-q', '-c', 'qemu:///system', what, '--all', '--name'];
          const names = await this.run(argv).catch((/** @type {unknown} */ error) => String(error));
          left.push(...names.split('\n').filter((name) => name.trim() !== ''));
        }
      }
    } finally {
      this.#holder?.stdin.end();
      await this.#ended;
      rmSync(this.dir, { recursive: true, force: true });
    }
    return left;
  }
}

/** Processes of a folder's machines that are still there. */
export function processesOf(dir) {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir);
    } catch {
      return false;
    }
  });
}

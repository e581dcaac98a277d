/** From the variables of a host, as Ansible names them, to where and how netorch connects. Pure. */
import type { Located } from '../config/located.js';
import { NetorchError, throwCollected } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { parseSshArguments } from './ssh-arguments.js';
import type { SshArguments } from './ssh-arguments.js';
import type { Become, ConnectionTarget } from './transport.js';

export type ConnectionDefaults = Readonly<{
  /** Who logs in when no variable says so: the user of the controller. */
  user: string;
  /** What the play or the command line says of become; a host's variables win over it. */
  become?: Become | undefined;
  connectTimeoutMs?: number | undefined;
  /** The user's home directory, for `~` and `%d`. */
  home: string;
  /** For `${NAME}` in the paths of files. */
  env: Readonly<Record<string, string | undefined>>;
}>;

const DEFAULT_PORT = 22;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const MAX_CONNECT_TIMEOUT_S = 600;
const BECOME_METHODS = ['sudo', 'su', 'doas'] as const;

/** Ansible's spellings of one variable. */
const NAMES = {
  address: ['ansible_host', 'ansible_ssh_host'],
  port: ['ansible_port', 'ansible_ssh_port'],
  user: ['ansible_user', 'ansible_ssh_user'],
  password: ['ansible_password', 'ansible_ssh_password', 'ansible_ssh_pass'],
  privateKeyFile: ['ansible_ssh_private_key_file', 'ansible_private_key_file'],
  commonArgs: ['ansible_ssh_common_args'],
  extraArgs: ['ansible_ssh_extra_args'],
  hostKeyChecking: ['ansible_host_key_checking', 'ansible_ssh_host_key_checking'],
  timeout: ['ansible_timeout', 'ansible_ssh_timeout'],
  connection: ['ansible_connection'],
  become: ['ansible_become'],
  becomeMethod: ['ansible_become_method'],
  becomeUser: ['ansible_become_user'],
  becomePassword: [
    'ansible_become_password',
    'ansible_become_pass',
    'ansible_sudo_pass',
    'ansible_su_pass',
  ],
} as const;

/** Variables that change how Ansible reaches a host, and that netorch would otherwise pass over. */
const REFUSED = ['ansible_become_exe', 'ansible_become_flags', 'ansible_ssh_executable'] as const;

type Setting = keyof typeof NAMES;

/**
 * `vars` are the host's merged variables, templates already filled in. Throws NetorchError
 * INVALID_VALUE or NOT_SUPPORTED with the place of the variable; several together.
 */
export function connectionTarget(
  host: string,
  vars: Located<Readonly<Record<string, unknown>>>,
  defaults: ConnectionDefaults,
): ConnectionTarget {
  const reader = new VariableReader(host, vars);
  for (const name of REFUSED) reader.refuse(name);

  const kind = readKind(reader);
  const sshArguments = readSshArguments(reader);
  const fromArguments = (option: string) => sshArguments.get(option);
  const argumentsName = reader.nameOf('commonArgs') ?? reader.nameOf('extraArgs') ?? '';
  const path = (text: string) => expandPath(text, defaults);

  const user = reader.text('user') ?? fromArguments('user') ?? defaults.user;
  const privateKeyFile = reader.text('privateKeyFile') ?? fromArguments('identityfile');
  const proxyCommand = fromArguments('proxycommand');
  const target: ConnectionTarget = {
    host,
    address: reader.text('address') ?? host,
    port:
      reader.integer('port', 1, 65_535) ??
      reader.integerText(argumentsName, 'Port', fromArguments('port'), 1, 65_535) ??
      DEFAULT_PORT,
    user,
    privateKeyFile: privateKeyFile === undefined ? undefined : path(privateKeyFile),
    password: reader.text('password'),
    proxyCommand:
      proxyCommand === undefined || proxyCommand.toLowerCase() === 'none'
        ? undefined
        : proxyCommand,
    knownHostsFiles: knownHostsFiles(sshArguments, path),
    hostKeyChecking: readHostKeyChecking(reader, argumentsName, sshArguments),
    connectTimeoutMs: readTimeout(reader, argumentsName, sshArguments, defaults),
    become: readBecome(reader, defaults.become),
    kind,
  };
  throwCollected(reader.errors);
  return target;
}

function readKind(reader: VariableReader): ConnectionTarget['kind'] {
  const connection = reader.text('connection');
  switch (connection) {
    case undefined:
    case 'ssh':
    case 'smart':
    case 'paramiko':
    case 'paramiko_ssh':
    case 'ansible.builtin.ssh':
      return 'ssh';
    case 'local':
    case 'ansible.builtin.local':
      return 'local';
    default:
      reader.report(
        'NOT_SUPPORTED',
        'connection',
        `the connection "${connection}" is not supported: use ssh or local`,
      );
      return 'ssh';
  }
}

function readSshArguments(reader: VariableReader): SshArguments['options'] {
  const options = new Map<string, string>();
  for (const setting of ['commonArgs', 'extraArgs'] as const) {
    const text = reader.text(setting, { mayBeEmpty: true });
    if (text === undefined) continue;
    const parsed = parseSshArguments([text]);
    if ('code' in parsed) {
      reader.report(parsed.code, setting, parsed.text);
      continue;
    }
    for (const [name, value] of parsed.options) if (!options.has(name)) options.set(name, value);
  }
  return options;
}

function knownHostsFiles(
  options: SshArguments['options'],
  path: (text: string) => string,
): readonly string[] {
  const listed = (text: string) =>
    text.toLowerCase() === 'none' ? [] : text.split(/\s+/).filter(Boolean).map(path);
  return [
    ...listed(options.get('userknownhostsfile') ?? '~/.ssh/known_hosts ~/.ssh/known_hosts2'),
    ...listed(
      options.get('globalknownhostsfile') ?? '/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2',
    ),
  ];
}

function readHostKeyChecking(
  reader: VariableReader,
  argumentsName: string,
  options: SshArguments['options'],
): ConnectionTarget['hostKeyChecking'] {
  // Ansible puts `-o StrictHostKeyChecking=no` before the arguments, so that the variable wins.
  if (reader.boolean('hostKeyChecking') === false) return 'off';
  const value = options.get('stricthostkeychecking')?.toLowerCase();
  switch (value) {
    case undefined:
    case 'yes':
    case 'true':
    // netorch asks no questions during a run, so "ask" can only mean to refuse.
    case 'ask':
      return 'strict';
    case 'accept-new':
      return 'accept-new';
    case 'no':
    case 'false':
    case 'off':
      return 'off';
    default:
      reader.reportAt(
        'INVALID_VALUE',
        argumentsName,
        `StrictHostKeyChecking is "${value}", must be yes, accept-new or no`,
      );
      return 'strict';
  }
}

function readTimeout(
  reader: VariableReader,
  argumentsName: string,
  options: SshArguments['options'],
  defaults: ConnectionDefaults,
): number {
  const seconds =
    reader.integer('timeout', 1, MAX_CONNECT_TIMEOUT_S) ??
    reader.integerText(
      argumentsName,
      'ConnectTimeout',
      options.get('connecttimeout'),
      1,
      MAX_CONNECT_TIMEOUT_S,
    );
  if (seconds !== undefined) return seconds * 1000;
  return defaults.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
}

function readBecome(reader: VariableReader, byDefault: Become | undefined): Become | undefined {
  const isWanted = reader.boolean('become') ?? byDefault !== undefined;
  const method = reader
    .text('becomeMethod')
    ?.replace(/^(ansible\.builtin|community\.general)\./, '');
  const user = reader.text('becomeUser');
  const password = reader.text('becomePassword');
  const known = BECOME_METHODS.find((name) => name === method);
  if (method !== undefined && known === undefined && isWanted) {
    reader.report(
      'NOT_SUPPORTED',
      'becomeMethod',
      `the become method "${method}" is not supported: use ${BECOME_METHODS.join(', ')}`,
    );
  }
  if (!isWanted) return undefined;
  return {
    method: known ?? byDefault?.method ?? 'sudo',
    user: user ?? byDefault?.user ?? 'root',
    password: password ?? byDefault?.password,
  };
}

/** `~/`, `%d` (home), `%%` and `${NAME}`, as ssh_config(5) has them in the names of files. */
function expandPath(text: string, { home, env }: ConnectionDefaults): string {
  return text
    .replace(/^~(?=\/|$)/, home)
    .replaceAll(/%([d%])/g, (_token, letter: string) => (letter === 'd' ? home : '%'))
    .replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (token, name: string) => env[name] ?? token);
}

/** Reads variables and collects what is wrong with them. */
class VariableReader {
  readonly errors: NetorchError[] = [];
  readonly #host: string;
  readonly #vars: Located<Readonly<Record<string, unknown>>>;

  constructor(host: string, vars: Located<Readonly<Record<string, unknown>>>) {
    this.#host = host;
    this.#vars = vars;
  }

  /** The spelling that is used for a setting. Two spellings that differ are an error. */
  nameOf(setting: Setting): string | undefined {
    return this.#present(setting)[0];
  }

  text(setting: Setting, { mayBeEmpty = false } = {}): string | undefined {
    const found = this.#value(setting);
    if (found === undefined) return undefined;
    if (typeof found.value !== 'string') {
      this.reportAt('INVALID_VALUE', found.name, 'must be a string (put it in quotes)');
      return undefined;
    }
    if (found.value.includes('\0') || (found.value.trim() === '' && !mayBeEmpty)) {
      this.reportAt('INVALID_VALUE', found.name, 'must not be empty');
      return undefined;
    }
    return found.value;
  }

  integer(setting: Setting, least: number, most: number): number | undefined {
    const found = this.#value(setting);
    if (found === undefined) return undefined;
    const isNumeric = typeof found.value === 'number' || typeof found.value === 'string';
    return this.#checkInteger(
      found.name,
      '',
      isNumeric ? String(found.value) : JSON.stringify(found.value),
      least,
      most,
    );
  }

  /** An integer that stands in ssh arguments, as the option `option`. */
  integerText(
    name: string,
    option: string,
    text: string | undefined,
    least: number,
    most: number,
  ): number | undefined {
    return text === undefined
      ? undefined
      : this.#checkInteger(name, `${option} `, text, least, most);
  }

  /** Ansible's words for yes and no. */
  boolean(setting: Setting): boolean | undefined {
    const found = this.#value(setting);
    if (found === undefined) return undefined;
    const word = String(found.value).toLowerCase();
    if (['true', 'yes', 'on', '1', 'y', 't'].includes(word)) return true;
    if (['false', 'no', 'off', '0', 'n', 'f'].includes(word)) return false;
    this.reportAt('INVALID_VALUE', found.name, `is ${show(found.value)}, must be true or false`);
    return undefined;
  }

  refuse(name: string): void {
    const value = this.#vars.value[name];
    if (value === undefined || value === null || value === '') return;
    this.reportAt('NOT_SUPPORTED', name, 'is not supported: leave it out');
  }

  report(code: ErrorCode, setting: Setting, text: string): void {
    this.reportAt(code, this.nameOf(setting) ?? NAMES[setting][0], text);
  }

  reportAt(code: ErrorCode, name: string, text: string): void {
    const location = this.#vars.locate([name]);
    this.errors.push(new NetorchError(code, `${this.#host}: ${name}: ${text}`, { location }));
  }

  #checkInteger(name: string, option: string, text: string, least: number, most: number) {
    const number = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.reportAt('INVALID_VALUE', name, `${option}is ${text}, must be ${least}–${most}`);
    return undefined;
  }

  #value(setting: Setting): { name: string; value: unknown } | undefined {
    const [name, ...others] = this.#present(setting);
    if (name === undefined) return undefined;
    const value = this.#vars.value[name];
    const contrary = others.find((other) => this.#vars.value[other] !== value);
    if (contrary !== undefined) {
      this.reportAt('INVALID_VALUE', contrary, `differs from ${name}: leave one of them out`);
    }
    return { name, value };
  }

  #present(setting: Setting): string[] {
    return NAMES[setting].filter((name) => {
      const value = this.#vars.value[name];
      return value !== undefined && value !== null;
    });
  }
}

/** A value in a message; never a secret one: only called for booleans. */
function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

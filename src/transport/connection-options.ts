/**
 * From the variables of a host, as Ansible names them, and OpenSSH's configuration to where and how
 * netorch connects. Pure but for the reader of the configuration that is handed in.
 */
import type { Located } from '../config/located.js';
import { NetorchError, formatLocation, throwCollected } from '../errors.js';
import type { ErrorCode, SourceLocation } from '../errors.js';
import { parseSshArguments, OPENSSH_ONLY } from './ssh-arguments.js';
import type { SshArguments } from './ssh-arguments.js';
import {
  evaluateSshConfig,
  parseHostKeyChecking,
  parseProxyJump,
  parseSshTime,
} from './ssh-config.js';
import type { JumpHop, SshConfigFile, SshSettings } from './ssh-config.js';
import type { SshConfigReader } from './ssh-config-files.js';
import { expandTokens } from './ssh-tokens.js';
import type { Become, ConnectionTarget } from './transport.js';

export type ConnectionDefaults = Readonly<{
  /** Who logs in when nothing says so: the user of the controller. */
  user: string;
  /** What the play or the command line says of become; a host's variables win over it. */
  become?: Become | undefined;
  connectTimeoutMs?: number | undefined;
  /** The user's home directory, for `~` and `%d`. */
  home: string;
  /** For `${NAME}` in the paths of files. */
  env: Readonly<Record<string, string | undefined>>;
  /** OpenSSH's configuration; without it none is followed. */
  sshConfig?: SshConfigReader | undefined;
  /** The controller's own name, for `%l`. */
  localHostname?: string | undefined;
  /** The user's number, for `%i`. */
  uid?: number | undefined;
}>;

const DEFAULT_PORT = 22;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const MAX_CONNECT_TIMEOUT_S = 600;
const DEFAULT_KEEPALIVE_MS = 3000;
const DEFAULT_KEEPALIVE_COUNT = 3;
/** More jump hosts in a row than anybody has. */
const MAX_HOPS = 8;
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
  transport: ['netorch_transport'],
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
 * `vars` are the host's merged variables, templates already filled in. Variables win over ssh
 * arguments, and those over ssh_config, as where Ansible calls ssh. Throws NetorchError INVALID_VALUE or
 * NOT_SUPPORTED with the place of the variable or the line; several together.
 */
export function connectionTarget(
  host: string,
  vars: Located<Readonly<Record<string, unknown>>>,
  defaults: ConnectionDefaults,
): ConnectionTarget {
  const reader = new VariableReader(host, vars);
  for (const name of REFUSED) reader.refuse(name);

  const kind = readKind(reader);
  const transport = readTransport(reader);
  const sshArguments = readSshArguments(reader, transport === 'openssh');
  const argumentsName = reader.nameOf('commonArgs') ?? reader.nameOf('extraArgs') ?? '';
  const files = kind === 'local' ? [] : readFiles(reader, argumentsName, sshArguments, defaults);

  const destination = reader.text('address') ?? host;
  const named = [
    reader.text('privateKeyFile'),
    ...(sshArguments.options.get('identityfile') ?? []),
  ].filter((file) => file !== undefined);
  const port = reader.integer('port', 1, 65_535);
  const user = reader.text('user');
  const timeout = reader.integer('timeout', 1, MAX_CONNECT_TIMEOUT_S);
  const commandLine = new Map<string, readonly string[]>(sshArguments.options);
  if (port !== undefined) commandLine.set('port', [String(port)]);
  if (user !== undefined) commandLine.set('user', [user]);
  if (timeout !== undefined) commandLine.set('connecttimeout', [String(timeout)]);
  if (named.length > 0) commandLine.set('identityfile', named);

  const context: Context = { host, files, defaults, report: reader.problemAt(argumentsName) };
  const target: ConnectionTarget = {
    ...loginTarget(context, destination, commandLine, []),
    password: reader.text('password'),
    become: readBecome(reader, defaults.become),
    kind,
    transport,
  };
  // Ansible puts `-o StrictHostKeyChecking=no` before the arguments, so that the variable wins.
  const isUnchecked = reader.boolean('hostKeyChecking') === false;
  throwCollected(reader.errors);
  const [onlyKey] = named;
  const call = opensshCall(target, sshArguments, transport === 'openssh');
  return {
    ...target,
    ...(named.length === 1 && onlyKey !== undefined
      ? { privateKeyFile: target.identityFiles?.[0] ?? onlyKey, identityFiles: undefined }
      : {}),
    ...(isUnchecked ? { hostKeyChecking: 'off' as const } : {}),
    ...(call === undefined ? { openssh: undefined } : { openssh: call }),
  };
}

function readTransport(reader: VariableReader): ConnectionTarget['transport'] {
  const word = reader.text('transport');
  const known = (['auto', 'ssh2', 'openssh'] as const).find((name) => name === word);
  if (word !== undefined && known === undefined) {
    reader.report('INVALID_VALUE', 'transport', `is "${word}", must be auto, ssh2 or openssh`);
  }
  return known;
}

function readFiles(
  reader: VariableReader,
  argumentsName: string,
  { configFile }: SshArguments,
  { sshConfig }: ConnectionDefaults,
): readonly SshConfigFile[] {
  if (sshConfig === undefined) return [];
  try {
    return sshConfig(configFile);
  } catch (error) {
    // A file that is not there has no place of its own; the one who names it has.
    if (!(error instanceof NetorchError) || error.location !== undefined) throw error;
    reader.reportAt(error.code, argumentsName, error.message);
    return [];
  }
}

type Context = Readonly<{
  host: string;
  files: readonly SshConfigFile[];
  defaults: ConnectionDefaults;
  /** Reports a value of ssh arguments (no location) or of a configuration file. */
  report: (code: ErrorCode, location: SourceLocation | undefined, text: string) => void;
}>;

/** What ssh would do for `destination`. `onTheWay`: the jump hosts that lead to this one. */
function loginTarget(
  context: Context,
  destination: string,
  commandLine: ReadonlyMap<string, readonly string[]>,
  onTheWay: readonly string[],
): ConnectionTarget {
  const { host, files, defaults, report } = context;
  const settings = evaluateSshConfig(files, {
    host: destination,
    localUser: defaults.user,
    commandLine,
  });
  const first = (keyword: string) => settings.get(keyword)?.values[0];
  const integer = (keyword: string, name: string, least: number, most: number) => {
    const text = first(keyword);
    if (text === undefined) return undefined;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    report(
      'INVALID_VALUE',
      settings.get(keyword)?.location,
      `${name} is ${text}, must be ${least}–${most}`,
    );
    return undefined;
  };
  const seconds = (keyword: string, name: string) => {
    const text = first(keyword);
    const value = text === undefined ? undefined : parseSshTime(text);
    if (text !== undefined && value === undefined) {
      report(
        'INVALID_VALUE',
        settings.get(keyword)?.location,
        `${name} is ${text}, must be a time`,
      );
    }
    return value === undefined || value <= 0 ? undefined : value;
  };

  const port = integer('port', 'Port', 1, 65_535) ?? DEFAULT_PORT;
  const user = first('user') ?? defaults.user;
  // ssh compares and keeps the alias in lower case.
  const hostKeyAlias = first('hostkeyalias')?.toLowerCase();
  const localHostname = defaults.localHostname ?? 'localhost';
  const expand = (text: string, keyword: string): string => {
    const { text: expanded, unknown } = expandTokens(text, {
      home: defaults.home,
      env: defaults.env,
      tokens: {
        d: defaults.home,
        h: settings.hostname,
        k: hostKeyAlias ?? destination,
        l: localHostname,
        L: localHostname.split('.')[0] ?? '',
        n: destination,
        p: String(port),
        r: user,
        u: defaults.user,
        ...(defaults.uid === undefined ? {} : { i: String(defaults.uid) }),
      },
    });
    if (unknown.length > 0) {
      report(
        'NOT_SUPPORTED',
        settings.get(keyword)?.location,
        `the token ${unknown[0]} in "${text}"`,
      );
    }
    return expanded;
  };
  const fileList = (keyword: string, standard: readonly string[]): readonly string[] => {
    const written = settings.get(keyword);
    // In ssh arguments several files stand in one value.
    const values =
      written?.location === undefined
        ? (written?.values ?? standard).flatMap((value) => value.split(/\s+/).filter(Boolean))
        : written.values;
    if (values.length === 1 && values[0]?.toLowerCase() === 'none') return [];
    return values.map((value) => expand(value, keyword));
  };

  const identityFiles = settings.identityFiles
    .filter((file) => file.toLowerCase() !== 'none')
    .map((file) => expand(file, 'identityfile'));
  const hasNoIdentity = settings.identityFiles.length > 0 && identityFiles.length === 0;
  const agent = first('identityagent');
  const interval = seconds('serveraliveinterval', 'ServerAliveInterval');
  const count = integer('serveralivecountmax', 'ServerAliveCountMax', 0, 1000);
  const timeout = seconds('connecttimeout', 'ConnectTimeout');
  if (timeout !== undefined && timeout > MAX_CONNECT_TIMEOUT_S) {
    report(
      'INVALID_VALUE',
      settings.get('connecttimeout')?.location,
      `ConnectTimeout is ${timeout}, must be 1–${MAX_CONNECT_TIMEOUT_S}`,
    );
  }
  const proxyCommand = first('proxycommand');
  const { jump } = jumpOf(context, settings, destination, onTheWay);
  const skipped = settings.skippedConditions.map(
    ({ location, condition }) =>
      `${formatLocation(location)}: "Match ${condition}" is not evaluated and counts as not matching`,
  );
  const notes = [...new Set([...skipped, ...(jump?.notes ?? [])])];
  // ssh goes the whole way, or none of it.
  const reason = opensshReason(settings) ?? jump?.openssh?.reason;
  return {
    host,
    address: settings.hostname,
    port,
    user,
    privateKeyFile: undefined,
    password: undefined,
    proxyCommand:
      proxyCommand === undefined || proxyCommand.toLowerCase() === 'none'
        ? undefined
        : proxyCommand,
    knownHostsFiles: [
      ...fileList('userknownhostsfile', ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
      ...fileList('globalknownhostsfile', [
        '/etc/ssh/ssh_known_hosts',
        '/etc/ssh/ssh_known_hosts2',
      ]),
    ],
    hostKeyChecking: readHostKeyChecking(settings, report),
    connectTimeoutMs:
      timeout === undefined
        ? (defaults.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS)
        : timeout * 1000,
    become: undefined,
    kind: 'ssh',
    ...(identityFiles.length > 0 || hasNoIdentity ? { identityFiles } : {}),
    ...(/^(yes|true)$/i.test(first('identitiesonly') ?? '') ? { identitiesOnly: true } : {}),
    ...(agent === undefined ? {} : { identityAgent: readAgent(agent, defaults, expand) }),
    ...(hostKeyAlias === undefined ? {} : { hostKeyAlias }),
    ...(interval === undefined && count === undefined
      ? {}
      : {
          keepalive: {
            intervalMs: interval === undefined ? DEFAULT_KEEPALIVE_MS : interval * 1000,
            count: count ?? DEFAULT_KEEPALIVE_COUNT,
          },
        }),
    ...(jump === undefined ? {} : { jump }),
    ...(notes.length === 0 ? {} : { notes }),
    openssh: { destination, arguments: [], reason },
  };
}

/** `$NAME` and `SSH_AUTH_SOCK` are variables of the environment; `none` turns the agent off. */
function readAgent(
  text: string,
  { env }: ConnectionDefaults,
  expand: (text: string, keyword: string) => string,
): string {
  if (text.toLowerCase() === 'none') return 'none';
  const variable = text === 'SSH_AUTH_SOCK' ? text : /^\$([A-Za-z_]\w*)$/.exec(text)?.[1];
  if (variable !== undefined) return env[variable] ?? 'none';
  return expand(text, 'identityagent');
}

/** The last hop, which has the others before it: what `ssh -J a,b` does with its own configuration. */
function jumpOf(
  context: Context,
  settings: SshSettings,
  destination: string,
  onTheWay: readonly string[],
): Readonly<{ jump?: ConnectionTarget }> {
  const setting = settings.get('proxyjump');
  const hops = setting === undefined ? undefined : parseProxyJump(setting.values[0] ?? '');
  const hop = hops?.at(-1);
  if (hops === undefined || hop === undefined) return {};
  if (onTheWay.includes(destination) || onTheWay.length > MAX_HOPS) {
    context.report(
      'INVALID_VALUE',
      setting?.location,
      `ProxyJump leads in a circle: ${[...onTheWay, destination].join(' → ')} (give the jump host "ProxyJump none")`,
    );
    return {};
  }
  const commandLine = new Map<string, readonly string[]>();
  if (hop.user !== undefined) commandLine.set('user', [hop.user]);
  if (hop.port !== undefined) commandLine.set('port', [String(hop.port)]);
  const before = hops.slice(0, -1);
  if (before.length > 0) commandLine.set('proxyjump', [before.map(hopText).join(',')]);
  const jump = loginTarget(
    { ...context, host: `${context.host} (jump host ${hop.host})` },
    hop.host,
    commandLine,
    [...onTheWay, destination],
  );
  return { jump: { ...jump, host: `jump host ${hop.host}` } };
}

function hopText({ host, user, port }: JumpHop): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`;
}

/** The first setting, if any, that ssh2 has no equal of. */
function opensshReason(settings: SshSettings): string | undefined {
  for (const keyword of OPENSSH_ONLY) {
    const setting = settings.get(keyword);
    const value = setting?.values[0]?.toLowerCase();
    if (setting === undefined || value === undefined) continue;
    if (['none', 'no', 'false', 'any'].includes(value)) continue;
    const place =
      setting.location === undefined ? 'the ssh arguments' : formatLocation(setting.location);
    return `${place} set ${keyword}`;
  }
  return undefined;
}

function opensshCall(
  target: ConnectionTarget,
  sshArguments: SshArguments,
  isChosen: boolean,
): ConnectionTarget['openssh'] {
  const { openssh, notes = [] } = target;
  if (openssh === undefined) return undefined;
  // ssh itself would run the commands of Match exec: only where the user has asked for ssh.
  if (notes.length > 0 && !isChosen) return undefined;
  return { ...openssh, arguments: sshArguments.words };
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

function readSshArguments(reader: VariableReader, isForOpenssh: boolean): SshArguments {
  let all: SshArguments = {
    options: new Map(),
    configFile: undefined,
    words: [],
  };
  const texts: string[] = [];
  for (const setting of ['commonArgs', 'extraArgs'] as const) {
    const text = reader.text(setting, { mayBeEmpty: true });
    if (text === undefined) continue;
    const parsed = parseSshArguments([...texts, text], isForOpenssh);
    if ('code' in parsed) {
      reader.report(parsed.code, setting, parsed.text);
      continue;
    }
    texts.push(text);
    all = parsed;
  }
  return all;
}

function readHostKeyChecking(
  settings: SshSettings,
  report: Context['report'],
): ConnectionTarget['hostKeyChecking'] {
  const setting = settings.get('stricthostkeychecking');
  if (setting === undefined) return 'strict';
  const value = setting.values[0] ?? '';
  const known = parseHostKeyChecking(value);
  if (known === undefined) {
    report(
      'INVALID_VALUE',
      setting.location,
      `StrictHostKeyChecking is "${value.toLowerCase()}", must be yes, accept-new or no`,
    );
  }
  return known ?? 'strict';
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
    const text = isNumeric ? String(found.value) : JSON.stringify(found.value);
    const number = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.reportAt('INVALID_VALUE', found.name, `is ${text}, must be ${least}–${most}`);
    return undefined;
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

  /** Reports what stands in ssh_config at its place there, and all else at the variable `name`. */
  problemAt(name: string) {
    return (code: ErrorCode, location: SourceLocation | undefined, text: string): void => {
      if (location === undefined) this.reportAt(code, name, text);
      else this.errors.push(new NetorchError(code, `${this.#host}: ${text}`, { location }));
    };
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

/**
 * OpenSSH's client configuration (ssh_config(5)): parsing and evaluating. Pure: files are read, and
 * Include lines followed, in ssh-config-files.ts. Checked against `ssh -G`.
 */
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { matchesPattern, matchesPatternList } from './ssh-pattern.js';

/** One line that means something. */
export type SshConfigLine = Readonly<{
  location: SourceLocation;
  /** In lower case: ssh_config does not tell case apart in keywords. */
  keyword: string;
  args: readonly string[];
  /** What follows the keyword, as written: a ProxyCommand is a line of shell, Match has its own grammar. */
  rest: string;
  /** The files that an Include line stands for, read. */
  included: readonly SshConfigFile[];
}>;

export type SshConfigFile = Readonly<{ file: string; lines: readonly SshConfigLine[] }>;

export type SshConfigRequest = Readonly<{
  /** The host as it is given to ssh on the command line. */
  host: string;
  localUser: string;
  /** What the command line says: it comes first, so it wins. Keywords in lower case. */
  commandLine?: ReadonlyMap<string, readonly string[]>;
}>;

/** A value and where it stands; no location: the command line. */
type SshSetting = Readonly<{ values: readonly string[]; location: SourceLocation | undefined }>;

export type SshSettings = Readonly<{
  /** The name or address to be dialled. */
  hostname: string;
  get: (keyword: string) => SshSetting | undefined;
  /** All IdentityFile lines that apply, in order, each once. */
  identityFiles: readonly string[];
  /** `Match` conditions that netorch does not evaluate (it runs no commands for them). */
  skippedConditions: readonly Readonly<{ location: SourceLocation; condition: string }>[];
}>;

/** How many arguments a keyword takes that netorch reads; the others are passed over. */
const ARGUMENTS: Readonly<Record<string, 'one' | 'many' | 'rest'>> = {
  host: 'many',
  match: 'rest',
  include: 'many',
  hostname: 'one',
  user: 'one',
  port: 'one',
  identityfile: 'one',
  certificatefile: 'one',
  identitiesonly: 'one',
  identityagent: 'one',
  proxyjump: 'one',
  proxycommand: 'rest',
  userknownhostsfile: 'many',
  globalknownhostsfile: 'many',
  stricthostkeychecking: 'one',
  hostkeyalias: 'one',
  connecttimeout: 'one',
  serveraliveinterval: 'one',
  serveralivecountmax: 'one',
  addressfamily: 'one',
  bindaddress: 'one',
  bindinterface: 'one',
  canonicalizehostname: 'one',
  knownhostscommand: 'rest',
  pkcs11provider: 'one',
  proxyusefdpass: 'one',
  revokedhostkeys: 'one',
};

/** Conditions of Match that are looked at, and those that another version of ssh or a command decides. */
const WITHOUT_ARGUMENT = ['all', 'canonical', 'final'];
const WITH_ARGUMENT = ['host', 'originalhost', 'user', 'localuser'];
const NOT_EVALUATED = ['exec', 'localnetwork', 'tagged', 'version', 'command', 'sessiontype'];

const MAX_IDENTITY_FILES = 100;

/**
 * `readIncluded` yields the files that an Include argument stands for. Throws NetorchError
 * INVALID_VALUE with the place, several together.
 */
export function parseSshConfig(
  text: string,
  file: string,
  readIncluded: (pattern: string, location: SourceLocation) => readonly SshConfigFile[],
): SshConfigFile {
  const errors: NetorchError[] = [];
  const lines: SshConfigLine[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    try {
      const parsed = parseLine(line, file, index + 1);
      if (parsed === undefined) continue;
      const included =
        parsed.keyword === 'include'
          ? parsed.args.flatMap((pattern) => readIncluded(pattern, parsed.location))
          : [];
      lines.push({ ...parsed, included });
    } catch (error) {
      if (error instanceof NetorchErrors) errors.push(...error.errors);
      else if (error instanceof NetorchError) errors.push(error);
      else throw error;
    }
  }
  throwCollected(errors);
  return { file, lines };
}

function parseLine(
  line: string,
  file: string,
  number: number,
): Omit<SshConfigLine, 'included'> | undefined {
  const match = /^[ \t\r\f]*(?:"([^"]*)"|([^ \t\r="]+))(?:[ \t\r]*=[ \t\r]*|[ \t\r]*)(.*)$/s.exec(
    line.replace(/[ \t\r\f]+$/, ''),
  );
  if (match === null || line.trim() === '') {
    if (line.trim() === '' || line.trim().startsWith('#')) return undefined;
  }
  const written = match?.[1] ?? match?.[2] ?? '';
  if (written.startsWith('#')) return undefined;
  const location = { file, line: number, column: line.search(/[^ \t\r\f]/) + 1 };
  const fail = (message: string) => new NetorchError('INVALID_VALUE', message, { location });
  if (written === '') throw fail('this line has no keyword');
  const keyword = written.toLowerCase();
  const rest = match?.[3] ?? '';
  const args = splitArguments(rest);
  if (args === undefined) throw fail(`${written}: a quote is not closed`);

  // A keyword that this version does not know may belong to another ssh: it is passed over.
  const kind = Object.hasOwn(ARGUMENTS, keyword) ? ARGUMENTS[keyword] : undefined;
  if (kind !== undefined) {
    // As ssh has it: a list may be nothing but a comment.
    if (
      (args.length === 0 && (kind !== 'many' || rest === '')) ||
      (kind !== 'rest' && args.includes(''))
    ) {
      throw fail(`${written} has no value`);
    }
    if (kind === 'one' && args.length > 1) {
      throw fail(`${written} takes one value; "${args[1]}" is too much (put it in quotes)`);
    }
    const problem = keyword === 'match' ? matchProblem(rest) : valueProblem(keyword, args);
    if (problem !== undefined) throw fail(`${written} ${problem}`);
  }
  return { location, keyword, args, rest };
}

/** OpenSSH's words of a line: blanks between, quotes of both kinds, a comment at the end. */
export function splitArguments(text: string): string[] | undefined {
  const args: string[] = [];
  let i = 0;
  for (;;) {
    while (i < text.length && ' \t\r'.includes(text.charAt(i))) i++;
    if (i >= text.length || text.charAt(i) === '#') return args;
    let arg = '';
    let quote = '';
    for (; i < text.length; i++) {
      const char = text.charAt(i);
      const next = text.charAt(i + 1);
      if (
        char === '\\' &&
        next !== '' &&
        (`'"\\`.includes(next) || (quote === '' && next === ' '))
      ) {
        arg += next;
        i++;
      } else if (quote === '' && ' \t\r'.includes(char)) break;
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (quote !== '' && char === quote) quote = '';
      else arg += char;
    }
    if (quote !== '') return undefined;
    args.push(arg);
  }
}

function valueProblem(keyword: string, args: readonly string[]): string | undefined {
  const value = args[0] ?? '';
  switch (keyword) {
    case 'port':
      return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535
        ? undefined
        : `is "${value}", must be 1–65535`;
    case 'serveralivecountmax':
      return /^\d{1,9}$/.test(value) ? undefined : `is "${value}", must be a number`;
    case 'connecttimeout':
    case 'serveraliveinterval':
      return parseSshTime(value) === undefined
        ? `is "${value}", must be a time such as 10, 30s or 1m30s`
        : undefined;
    case 'stricthostkeychecking':
      return parseHostKeyChecking(value) === undefined
        ? `is "${value}", must be yes, no, ask or accept-new`
        : undefined;
    case 'identitiesonly':
    case 'proxyusefdpass':
      return ['yes', 'true', 'no', 'false'].includes(value.toLowerCase())
        ? undefined
        : `is "${value}", must be yes or no`;
    case 'hostname':
      return unknownToken(value, 'h');
    case 'proxyjump':
      return parseProxyJump(value) === undefined
        ? `is "${value}", must be [user@]host[:port], several with commas between, or none`
        : undefined;
    default:
      return undefined;
  }
}

/** sshd_config(5), TIME FORMATS; `none` is -1. In seconds; undefined: no time. */
export function parseSshTime(text: string): number | undefined {
  if (text.toLowerCase() === 'none') return -1;
  if (!/^(?:\d+[smhdw]?)+$/i.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  let seconds = 0;
  for (const [, digits = '', unit = ''] of text.matchAll(/(\d+)([smhdw]?)/gi)) {
    seconds += Number(digits) * (units[unit.toLowerCase()] ?? 1);
  }
  return seconds > 0x7fff_ffff ? undefined : seconds;
}

export function parseHostKeyChecking(text: string): 'strict' | 'accept-new' | 'off' | undefined {
  switch (text.toLowerCase()) {
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
      return undefined;
  }
}

export type JumpHop = Readonly<{
  host: string;
  user: string | undefined;
  port: number | undefined;
}>;

/** `[user@]host[:port]` or `ssh://…`, several with commas between; none is an empty list. */
export function parseProxyJump(text: string): readonly JumpHop[] | undefined {
  if (text.toLowerCase() === 'none') return [];
  const hops: JumpHop[] = [];
  for (const part of text.split(',')) {
    const bare = part.startsWith('ssh://') ? part.slice(6).replace(/\/$/, '') : part;
    const match = /^(?:(.+)@)?(?:\[([^\]]+)\]|([^:[\]@]+))(?::(\d{1,5}))?$/.exec(bare);
    const host = match?.[2] ?? match?.[3];
    if (host === undefined || host === '' || host.startsWith('-')) return undefined;
    const port = match?.[4] === undefined ? undefined : Number(match[4]);
    if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
    hops.push({ host, user: match?.[1], port });
  }
  return hops;
}

type MatchCondition = Readonly<{ name: string; isNegated: boolean; argument: string }>;

function matchProblem(rest: string): string | undefined {
  const conditions = parseMatch(rest);
  return typeof conditions === 'string' ? conditions : undefined;
}

/** The conditions of a Match line, or what is wrong with it. */
function parseMatch(rest: string): readonly MatchCondition[] | string {
  const words = [...rest.matchAll(/"([^"]*)"|([^ \t\r="]+)/g)].map(
    (word) => word[1] ?? word[2] ?? '',
  );
  const conditions: MatchCondition[] = [];
  for (let i = 0; i < words.length; i++) {
    const written = words[i] ?? '';
    if (written.startsWith('#')) break;
    const isNegated = written.startsWith('!');
    const name = (isNegated ? written.slice(1) : written).toLowerCase();
    if (WITHOUT_ARGUMENT.includes(name)) {
      conditions.push({ name, isNegated, argument: '' });
      continue;
    }
    if (!WITH_ARGUMENT.includes(name) && !NOT_EVALUATED.includes(name)) {
      return `has the unknown condition "${written}" (known: ${[...WITHOUT_ARGUMENT, ...WITH_ARGUMENT].join(', ')})`;
    }
    const argument = words[++i];
    if (argument === undefined || argument === '' || argument.startsWith('#')) {
      return `has the condition "${written}" without a value`;
    }
    conditions.push({ name, isNegated, argument });
  }
  if (conditions.length === 0) return 'has no condition';
  const all = conditions.findIndex(({ name }) => name === 'all');
  if (all !== -1 && (all !== conditions.length - 1 || all > 1)) {
    return 'has "all" together with other conditions';
  }
  return conditions;
}

function unknownToken(text: string, known: string): string | undefined {
  const wrong = [...text.matchAll(/%(.?)/gs)].find(
    ([, letter = '']) => !`%${known}`.includes(letter) || letter === '',
  );
  return wrong === undefined ? undefined : `has the unknown token ${wrong[0]}`;
}

function expandHostname(template: string, host: string): string {
  return template.replaceAll(/%([%h])/g, (_token, letter: string) => (letter === 'h' ? host : '%'));
}

/** The first value wins; `files` in their order (the user's, then the system's). */
export function evaluateSshConfig(
  files: readonly SshConfigFile[],
  request: SshConfigRequest,
): SshSettings {
  const evaluation = new Evaluation(request);
  for (const file of files) evaluation.readFile(file, { isActive: true });
  const template = evaluation.settings.get('hostname')?.values[0];
  let hostname = template === undefined ? request.host : expandHostname(template, request.host);
  // ssh leaves addresses alone; a name has no case.
  if (!/^[0-9a-fA-F:.]+$/.test(hostname) || !/[:.]/.test(hostname))
    hostname = hostname.toLowerCase();
  if (evaluation.wantsFinalPass) {
    evaluation.beginFinalPass(hostname);
    for (const file of files) evaluation.readFile(file, { isActive: true });
  }
  return {
    hostname,
    get: (keyword) => evaluation.settings.get(keyword),
    identityFiles: evaluation.identityFiles,
    skippedConditions: evaluation.skippedConditions,
  };
}

class Evaluation {
  readonly settings = new Map<string, SshSetting>();
  readonly identityFiles: string[] = [];
  readonly skippedConditions: { location: SourceLocation; condition: string }[] = [];
  wantsFinalPass = false;
  readonly #request: SshConfigRequest;
  /** What Host lines are compared with: the resolved name in the final pass. */
  #host: string;
  #isFinal = false;

  constructor(request: SshConfigRequest) {
    this.#request = request;
    this.#host = request.host;
    for (const [keyword, values] of request.commandLine ?? []) {
      if (keyword === 'identityfile') for (const value of values) this.#addIdentityFile(value);
      else this.settings.set(keyword, { values, location: undefined });
    }
  }

  beginFinalPass(hostname: string): void {
    this.#isFinal = true;
    this.#host = hostname;
    this.settings.set('hostname', { values: [hostname], location: undefined });
  }

  /** `isActive`: of the block around an Include line; a file of an inactive one never matches. */
  readFile(file: SshConfigFile, around: Readonly<{ isActive: boolean }>): void {
    let { isActive } = around;
    for (const line of file.lines) {
      switch (line.keyword) {
        case 'host':
          isActive = around.isActive && this.#matchesHost(line.args);
          break;
        case 'match':
          // Always looked at: `final` in a block that does not apply asks for the second pass too.
          isActive = this.#matches(line) && around.isActive;
          break;
        case 'include':
          for (const included of line.included) this.readFile(included, { isActive });
          break;
        default:
          if (isActive) this.#set(line);
      }
    }
  }

  #set({ keyword, args, rest, location }: SshConfigLine): void {
    if (keyword === 'identityfile') {
      this.#addIdentityFile(args[0] ?? '');
      return;
    }
    if (!Object.hasOwn(ARGUMENTS, keyword) || this.settings.has(keyword)) return;
    if (args.length === 0) return;
    // To ssh "none" is no time at all, so a later line may still give one.
    const isTime = keyword === 'connecttimeout' || keyword === 'serveraliveinterval';
    if (isTime && parseSshTime(args[0] ?? '') === -1) return;
    // Of ProxyJump and ProxyCommand the one that comes first keeps the other out.
    if (keyword === 'proxyjump' && this.settings.has('proxycommand')) return;
    // Only "ProxyJump none" does not, which keeps other ProxyJumps out.
    const jump = this.settings.get('proxyjump')?.values[0]?.toLowerCase();
    if (keyword === 'proxycommand' && jump !== undefined && jump !== 'none') return;
    this.settings.set(keyword, {
      values: ARGUMENTS[keyword] === 'rest' ? [rest] : args,
      location,
    });
  }

  #addIdentityFile(file: string): void {
    if (this.identityFiles.includes(file) || this.identityFiles.length >= MAX_IDENTITY_FILES)
      return;
    this.identityFiles.push(file);
  }

  #matchesHost(patterns: readonly string[]): boolean {
    let isMatch = false;
    for (const pattern of patterns) {
      const isNegated = pattern.startsWith('!');
      if (!matchesPattern(this.#host, isNegated ? pattern.slice(1) : pattern)) continue;
      if (isNegated) return false;
      isMatch = true;
    }
    return isMatch;
  }

  #matches({ rest, location }: SshConfigLine): boolean {
    const conditions = parseMatch(rest);
    if (typeof conditions === 'string') return false;
    return conditions.map((condition) => this.#meets(condition, location)).every((isMet) => isMet);
  }

  #meets({ name, isNegated, argument }: MatchCondition, location: SourceLocation): boolean {
    const user = this.settings.get('user')?.values[0] ?? this.#request.localUser;
    switch (name) {
      case 'all':
        return !isNegated;
      case 'final':
        this.wantsFinalPass = true;
        return this.#isFinal !== isNegated;
      case 'canonical':
        return this.#isFinal !== isNegated;
      case 'host':
        return (
          matchesPatternList(this.#currentHostname().toLowerCase(), argument, 'any-case') !==
          isNegated
        );
      case 'originalhost':
        return (
          matchesPatternList(this.#request.host.toLowerCase(), argument, 'any-case') !== isNegated
        );
      case 'user':
        return matchesPatternList(user, argument, 'exact') !== isNegated;
      case 'localuser':
        return matchesPatternList(this.#request.localUser, argument, 'exact') !== isNegated;
      default:
        // Neither this nor its negation: nobody knows what it would have answered.
        if (!this.#isFinal) {
          this.skippedConditions.push({ location, condition: `${isNegated ? '!' : ''}${name}` });
        }
        return false;
    }
  }

  #currentHostname(): string {
    const template = this.settings.get('hostname')?.values[0];
    if (this.#isFinal || template === undefined) return template ?? this.#request.host;
    return expandHostname(template, this.#request.host);
  }
}

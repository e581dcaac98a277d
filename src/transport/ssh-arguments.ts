/**
 * The part of OpenSSH's command line that ansible_ssh_common_args and ansible_ssh_extra_args carry.
 * Pure. As in ssh(1), the first value given for an option wins.
 */
import { splitShellWords } from './shell-words.js';
import { parseProxyJump } from './ssh-config.js';

/** Option names in lower case (ssh_config(5) does not tell case apart) → the values as written. */
export type SshArguments = Readonly<{
  options: ReadonlyMap<string, readonly string[]>;
  /** The file of -F. */
  configFile: string | undefined;
  /** All of it, for the system's ssh. */
  words: readonly string[];
}>;

type SshArgumentsProblem = Readonly<{
  code: 'INVALID_VALUE' | 'NOT_SUPPORTED';
  text: string;
}>;

/** The options that netorch follows. */
const FOLLOWED = new Set([
  'certificatefile',
  'connecttimeout',
  'globalknownhostsfile',
  'hostkeyalias',
  'hostname',
  'identitiesonly',
  'identityagent',
  'identityfile',
  'port',
  'proxycommand',
  'proxyjump',
  'serveralivecountmax',
  'serveraliveinterval',
  'stricthostkeychecking',
  'user',
  'userknownhostsfile',
]);

/** Options that change where netorch connects, as whom, or whom it trusts, in ways ssh2 does not have. */
export const OPENSSH_ONLY: ReadonlySet<string> = new Set([
  'addressfamily',
  'bindaddress',
  'bindinterface',
  'canonicalizehostname',
  'certificatefile',
  'ciphers',
  'hostkeyalgorithms',
  'kexalgorithms',
  'macs',
  'pkcs11provider',
  'proxyusefdpass',
  'pubkeyacceptedalgorithms',
  'revokedhostkeys',
  'securitykeyprovider',
]);

/**
 * Options that may stand there and change nothing about where netorch connects, as whom, or whom it
 * trusts: connection sharing (netorch never shares a host's connection), logging, and comforts.
 */
const WITHOUT_EFFECT = new Set([
  'batchmode',
  'checkhostip',
  'compression',
  'connectionattempts',
  'controlmaster',
  'controlpath',
  'controlpersist',
  'forwardagent',
  'forwardx11',
  'gssapiauthentication',
  'hashknownhosts',
  'kbdinteractiveauthentication',
  'loglevel',
  'numberofpasswordprompts',
  'passwordauthentication',
  'preferredauthentications',
  'pubkeyauthentication',
  'requesttty',
  'tcpkeepalive',
  'updatehostkeys',
  'visualhostkey',
]);

/** Not an option's name: stands among the options while the words are read. */
const CONFIG_FILE = ' -F';

/** Flags with a value of their own that have an option's meaning. */
const VALUE_FLAGS: Readonly<Record<string, string>> = {
  i: 'identityfile',
  p: 'port',
  l: 'user',
  J: 'proxyjump',
  F: CONFIG_FILE,
};
/** Flags that the system's ssh alone understands: without and with a value. */
const OPENSSH_FLAGS = /^-[46Kk]$/;
const OPENSSH_VALUE_FLAGS = 'bBcmI';
/** Flags without a value that change nothing here (quiet, verbose, no terminal, no forwarding …). */
const HARMLESS_FLAGS = /^-[qvCTxak]+$/;

/**
 * Parses the texts in the order of the command line. `isForOpenssh`: what netorch does not follow is
 * left to the system's ssh instead of being refused.
 */
export function parseSshArguments(
  texts: readonly string[],
  isForOpenssh = false,
): SshArguments | SshArgumentsProblem {
  const options = new Map<string, string[]>();
  const allWords: string[] = [];
  for (const text of texts) {
    const words = splitShellWords(text);
    if (words === undefined) {
      return invalid(`a quote is not closed in: ${text}`);
    }
    allWords.push(...words);
    const problem = readWords(words, options, isForOpenssh);
    if (problem !== undefined) return problem;
  }
  const configFile = options.get(CONFIG_FILE)?.[0];
  options.delete(CONFIG_FILE);
  return {
    options,
    configFile,
    words: allWords,
  };
}

function readWords(
  words: readonly string[],
  options: Map<string, string[]>,
  isForOpenssh: boolean,
): SshArgumentsProblem | undefined {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (!/^-[A-Za-z0-9]/.test(word)) return unsupported(`the ssh argument ${JSON.stringify(word)}`);
    if (HARMLESS_FLAGS.test(word)) continue;
    const flag = word.charAt(1);
    const isLeftToOpenssh = isForOpenssh && OPENSSH_VALUE_FLAGS.includes(flag);
    if (isForOpenssh && OPENSSH_FLAGS.test(word)) continue;
    if (flag !== 'o' && VALUE_FLAGS[flag] === undefined && !isLeftToOpenssh) {
      return unsupported(`the ssh option -${flag}`);
    }
    const value = word.length > 2 ? word.slice(2) : words[++i];
    if (value === undefined) return invalid(`the ssh option -${flag} has no value`);
    if (isLeftToOpenssh) continue;
    const problem =
      flag === 'o'
        ? readOption(value, options, isForOpenssh)
        : setOption(VALUE_FLAGS[flag] ?? '', `-${flag}`, value, options, isForOpenssh);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** `Name=value` or `Name value`, the value perhaps in double quotes. */
function readOption(
  text: string,
  options: Map<string, string[]>,
  isForOpenssh: boolean,
): SshArgumentsProblem | undefined {
  const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)$/s.exec(text);
  const [, name = '', value = ''] = match ?? [];
  if (name === '' || value === '') return invalid(`-o ${text} is not of the form Name=value`);
  const isQuoted = /^"[^"]*"$/.test(value);
  const bare = isQuoted ? value.slice(1, -1) : value;
  return setOption(name.toLowerCase(), name, bare, options, isForOpenssh);
}

function setOption(
  name: string,
  asWritten: string,
  value: string,
  options: Map<string, string[]>,
  isForOpenssh: boolean,
): SshArgumentsProblem | undefined {
  if (WITHOUT_EFFECT.has(name)) return undefined;
  const isKnown = FOLLOWED.has(name) || OPENSSH_ONLY.has(name) || name === CONFIG_FILE;
  if (!isKnown) {
    return isForOpenssh
      ? undefined
      : unsupported(
          `the ssh option ${asWritten}`,
          "the system's ssh may know it: netorch_transport: openssh",
        );
  }
  if (name === 'proxyjump' && parseProxyJump(value) === undefined) {
    return invalid(`${asWritten} is "${value}", must be [user@]host[:port], several with commas`);
  }
  // Of ProxyJump and ProxyCommand the one that comes first keeps the other out.
  if (name === 'proxyjump' && options.has('proxycommand')) return undefined;
  if (name === 'proxycommand' && options.has('proxyjump')) return undefined;
  const known = options.get(name);
  if (known === undefined) options.set(name, [value]);
  else if (name === 'identityfile') known.push(value);
  return undefined;
}

function invalid(text: string): SshArgumentsProblem {
  return { code: 'INVALID_VALUE', text };
}

function unsupported(what: string, instead?: string): SshArgumentsProblem {
  return {
    code: 'NOT_SUPPORTED',
    text: `${what} is not supported${instead === undefined ? '' : `: ${instead}`}`,
  };
}

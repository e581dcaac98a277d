/**
 * The part of OpenSSH's command line that ansible_ssh_common_args and ansible_ssh_extra_args carry.
 * Pure. As in ssh(1), the first value given for an option wins.
 */
import { splitShellWords } from './shell-words.js';

/** Option names in lower case (ssh_config(5) does not tell case apart) → the value as written. */
export type SshArguments = Readonly<{ options: ReadonlyMap<string, string> }>;

type SshArgumentsProblem = Readonly<{
  code: 'INVALID_VALUE' | 'NOT_SUPPORTED';
  text: string;
}>;

/** The options that netorch follows. */
const FOLLOWED = new Set([
  'proxycommand',
  'userknownhostsfile',
  'globalknownhostsfile',
  'stricthostkeychecking',
  'connecttimeout',
  'identityfile',
  'port',
  'user',
]);

/**
 * Options that may stand there and change nothing about where netorch connects, as whom, or whom it
 * trusts: connection sharing (netorch never shares), its own keepalives, logging, and comforts.
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
  'identitiesonly',
  'kbdinteractiveauthentication',
  'loglevel',
  'numberofpasswordprompts',
  'passwordauthentication',
  'preferredauthentications',
  'pubkeyauthentication',
  'requesttty',
  'serveralivecountmax',
  'serveraliveinterval',
  'tcpkeepalive',
  'updatehostkeys',
  'visualhostkey',
]);

/** Flags with a value of their own that have an option's meaning. */
const VALUE_FLAGS: Readonly<Record<string, string>> = {
  i: 'identityfile',
  p: 'port',
  l: 'user',
  J: 'proxyjump',
};
/** Flags without a value that change nothing here (quiet, verbose, no terminal, no forwarding …). */
const HARMLESS_FLAGS = /^-[qvCTxak]+$/;

/** Parses the texts in the order of the command line. */
export function parseSshArguments(texts: readonly string[]): SshArguments | SshArgumentsProblem {
  const options = new Map<string, string>();
  for (const text of texts) {
    const words = splitShellWords(text);
    if (words === undefined) {
      return invalid(`a quote is not closed in: ${text}`);
    }
    const problem = readWords(words, options);
    if (problem !== undefined) return problem;
  }
  return { options };
}

function readWords(
  words: readonly string[],
  options: Map<string, string>,
): SshArgumentsProblem | undefined {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (!/^-[A-Za-z]/.test(word)) return unsupported(`the ssh argument ${JSON.stringify(word)}`);
    if (HARMLESS_FLAGS.test(word)) continue;
    const flag = word.charAt(1);
    if (flag !== 'o' && VALUE_FLAGS[flag] === undefined) {
      return unsupported(`the ssh option -${flag}`);
    }
    const value = word.length > 2 ? word.slice(2) : words[++i];
    if (value === undefined) return invalid(`the ssh option -${flag} has no value`);
    const problem =
      flag === 'o'
        ? readOption(value, options)
        : setOption(VALUE_FLAGS[flag] ?? '', `-${flag}`, value, options);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** `Name=value` or `Name value`, the value perhaps in double quotes. */
function readOption(text: string, options: Map<string, string>): SshArgumentsProblem | undefined {
  const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)$/s.exec(text);
  const [, name = '', value = ''] = match ?? [];
  if (name === '' || value === '') return invalid(`-o ${text} is not of the form Name=value`);
  const isQuoted = /^"[^"]*"$/.test(value);
  return setOption(name.toLowerCase(), name, isQuoted ? value.slice(1, -1) : value, options);
}

function setOption(
  name: string,
  asWritten: string,
  value: string,
  options: Map<string, string>,
): SshArgumentsProblem | undefined {
  if (name === 'proxyjump' && value.toLowerCase() === 'none') return undefined;
  if (name === 'proxyjump') {
    return unsupported(
      `the ssh option ${asWritten}${asWritten === '-J' ? ' (ProxyJump)' : ''}`,
      `write -o ProxyCommand="ssh -W %h:%p ${value}"`,
    );
  }
  if (WITHOUT_EFFECT.has(name)) return undefined;
  if (!FOLLOWED.has(name)) return unsupported(`the ssh option ${asWritten}`);
  if (name === 'identityfile' && options.has(name) && options.get(name) !== value) {
    return unsupported('more than one identity file', 'name one, or hand the keys to an ssh-agent');
  }
  if (!options.has(name)) options.set(name, value);
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

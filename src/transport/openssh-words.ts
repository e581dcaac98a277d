/** What ssh says when it cannot log in, in netorch's codes. Pure. */
import { NetorchError } from '../errors.js';
import type { ConnectionTarget } from './transport.js';

const DROPPED =
  /kex_exchange_identification: |Exceeded MaxStartups|Not allowed at this time|Connection (?:closed|reset) by .* port \d+$/m;
const MAX_NOTES = 8;

/** `words`: all that ssh has said. */
export function loginProblem(
  target: ConnectionTarget,
  place: string,
  words: string,
  code: number | null,
): NetorchError {
  const lines = words
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) => line !== '' && !/^[@\s]+$/.test(line) && !line.startsWith('Warning: Permanently'),
    );
  const fail = (errorCode: NetorchError['code'], message: string, hints: readonly string[] = []) =>
    new NetorchError(errorCode, `${target.host}: ${message}`, {
      notes: [...lines.slice(-MAX_NOTES).map((line) => `ssh: ${line}`), ...hints],
    });

  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|is revoked/i.test(words)) {
    return fail('HOST_KEY_MISMATCH', `the host key of ${place} is not the known one`);
  }
  if (/host key is known for .* strict|Host key verification failed/i.test(words)) {
    const hasOther = /Offending |has changed|different from the key/i.test(words);
    return hasOther
      ? fail('HOST_KEY_MISMATCH', `the host key of ${place} is not the known one`)
      : fail('HOST_KEY_UNKNOWN', `the host key of ${place} is not known`, [
          `compare it with the host's own, then add it to ${target.knownHostsFiles[0] ?? 'known_hosts'}`,
        ]);
  }
  if (
    /Permission denied|Too many authentication failures|No more authentication methods/i.test(words)
  ) {
    return fail(
      'AUTH_FAILED',
      `${place} does not let "${target.user}" log in (through the system's ssh)`,
    );
  }
  if (/Bad configuration option: .*knownhostscommand/i.test(words)) {
    return fail('HOST_UNREACHABLE', "the system's ssh is too old", [
      'OpenSSH 8.5 or newer is needed (ssh -V)',
    ]);
  }
  const last = lines.at(-1) ?? `ssh ended with code ${code ?? 'none'}`;
  return fail('HOST_UNREACHABLE', `${place} cannot be reached through the system's ssh: ${last}`);
}

/** The server took no more logins for the moment: it is worth another try, after a pause. */
export function wasDropped(error: NetorchError): boolean {
  return error.code === 'HOST_UNREACHABLE' && error.notes.some((note) => DROPPED.test(note));
}

/**
 * Running a command as another user. Pure.
 *
 * The wrapped command first prints a mark on standard error. Until the mark is seen nothing of the
 * command has run and none of its input has been sent, so a refusal of sudo is told from a failure of
 * the command, in every language of the host, and a password can never end up in the command's input.
 */
import { NetorchError } from '../errors.js';
import { quoteSh } from '../quote-sh.js';
import type { Become } from './transport.js';

export type BecomeCommand = Readonly<{
  command: string;
  /** The line on standard error that says: from here on it is the command that speaks. */
  mark: string;
  /** Text at the end of standard error that asks for the password; undefined: nothing may ask. */
  prompt: string | RegExp | undefined;
  method: Become['method'];
}>;

/** `become` when it changes anything: root does not become root. */
export function effectiveBecome(become: Become | undefined, loginUser: string): Become | undefined {
  return become === undefined || become.user === loginUser ? undefined : become;
}

/** `nonce` makes mark and prompt unmistakable. Throws BECOME_FAILED for what cannot be done at all. */
export function wrapCommand(
  host: string,
  become: Become,
  command: string,
  nonce: string,
): BecomeCommand {
  const { method, password } = become;
  const mark = `netorch-became-${nonce}`;
  const marked = quoteSh(`echo ${mark} >&2\n${command}`);
  const user = quoteSh(become.user);
  switch (method) {
    case 'sudo': {
      if (password === undefined) {
        return {
          command: `sudo -H -n -u ${user} -- sh -c ${marked}`,
          mark,
          prompt: undefined,
          method,
        };
      }
      // A prompt of our own: the password is sent when sudo asks, and only then. -k would not do:
      // with NOPASSWD sudo asks nothing, and the password would become the command's input.
      const prompt = `netorch-password-${nonce}:`;
      return {
        command: `sudo -H -S -p ${quoteSh(prompt)} -u ${user} -- sh -c ${marked}`,
        mark,
        prompt,
        method,
      };
    }
    case 'su':
      // su's prompt is translated, but ends in a colon and not in a newline.
      return {
        command: `su -s /bin/sh -c ${marked} ${user}`,
        mark,
        prompt: /[:\uff1a] ?$/,
        method,
      };
    case 'doas':
      if (password !== undefined) {
        throw new NetorchError('BECOME_FAILED', `${host}: doas reads no password from netorch`, {
          notes: [
            'doas asks on a terminal only; allow it with "permit nopass" in doas.conf and leave out ansible_become_password, or use sudo',
          ],
        });
      }
      return {
        command: `doas -n -u ${user} sh -c ${marked}`,
        mark,
        prompt: undefined,
        method,
      };
  }
}

/** The error for a command that ended before its mark: `stderr` is what was said instead. */
export function becomeFailure(
  host: string,
  loginUser: string,
  become: Become,
  code: number | undefined,
  stderr: string,
): NetorchError {
  const { method } = become;
  const said = stderr.trim().split('\n').filter(Boolean);
  const notes = said.slice(-6).map((line) => `${method}: ${line.replace(/^(sudo|su|doas): /, '')}`);
  const fail = (message: string, hint?: string) =>
    new NetorchError('BECOME_FAILED', `${host}: ${message}`, {
      notes: [...notes, ...(hint === undefined ? [] : [hint]), 'nothing was run on the host'],
    });

  if (code === 127) {
    return fail(
      `${method} cannot be run: it is not installed`,
      'install it, log in as root, or set ansible_become_method to sudo, su or doas',
    );
  }
  if (/password is required|terminal is required|Authentication required/i.test(stderr)) {
    return fail(
      `${method} asks for the password of "${method === 'su' ? become.user : loginUser}"`,
      'set ansible_become_password, or allow it without a password',
    );
  }
  if (/not in the sudoers|not allowed|may not run|not permitted/i.test(stderr)) {
    return fail(
      `"${loginUser}" may not become "${become.user}" with ${method}`,
      `allow it in the ${method === 'doas' ? 'doas.conf' : 'sudoers file'} of the host, or log in as another user`,
    );
  }
  if (/unknown user|does not exist|No passwd entry/i.test(stderr)) {
    return fail(`there is no user "${become.user}" on the host`, 'see ansible_become_user');
  }
  if (code === 0) return fail(`${method} ended without running the command`);
  return fail(`${method} failed`);
}

/** The error for a password that was asked for a second time. */
export function wrongPassword(host: string, loginUser: string, become: Become): NetorchError {
  const owner = become.method === 'su' ? become.user : loginUser;
  return new NetorchError(
    'BECOME_FAILED',
    `${host}: ${become.method} does not accept the password of "${owner}"`,
    { notes: ['see ansible_become_password', 'nothing was run on the host'] },
  );
}

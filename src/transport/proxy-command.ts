import { NetorchError } from '../errors.js';
import type { ConnectionTarget } from './transport.js';

/**
 * Fills in %h %p %r %n and %% (ssh_config(5), TOKENS). Pure.
 *
 * The values become shell text, so a host or user that means anything to a shell is refused, as
 * OpenSSH refuses it. Throws HOST_UNREACHABLE.
 */
export function expandProxyCommand(
  template: string,
  target: ConnectionTarget,
  address: string,
): string {
  const refuse = (message: string) =>
    new NetorchError('HOST_UNREACHABLE', `${target.host}: ${message}`, {
      notes: [`ProxyCommand: ${template}`],
    });
  const checked = (what: string, value: string): string => {
    if (/^[\p{L}\p{N}_.:%@+][\p{L}\p{N}_.:%@+-]*$/u.test(value)) return value;
    throw refuse(`the ${what} ${JSON.stringify(value)} cannot stand in a ProxyCommand`);
  };
  return template.replaceAll(/%(.?)/gs, (token, letter: string) => {
    switch (letter) {
      case 'h':
        return checked('address', address);
      case 'p':
        return String(target.port);
      case 'r':
        return checked('user', target.user);
      case 'n':
        return checked('host name', target.openssh?.destination ?? target.host);
      case '%':
        return '%';
      default:
        throw refuse(`the ProxyCommand has the unknown token ${token} (known: %h %p %r %n %%)`);
    }
  });
}

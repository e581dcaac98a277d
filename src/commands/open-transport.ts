/** The transport of a command: passphrases asked beforehand, notes on standard error. */
import { askPassphrases } from '../transport/ask-passphrases.js';
import type { ConnectionTarget, Transport } from '../transport/transport.js';
import { createTransport } from '../transport/transports.js';
import { sanitise } from '../ui/sanitise.js';
import { askSecret } from './ask-secret.js';

/** `onNote`: told how a host is reached where that is not the usual way. Default: standard error. */
export async function openTransport(
  targets: readonly ConnectionTarget[],
  onNote: (text: string) => void = printNote,
): Promise<Transport> {
  const passphrases = await askPassphrases(targets, process.env, async (question) =>
    process.stdin.isTTY ? askSecret(question, 'an ssh-agent (ssh-add)') : undefined,
  );
  return createTransport({ passphrases, onNote });
}

function printNote(text: string): void {
  process.stderr.write(`${sanitise(`note: ${text}`)}\n`);
}

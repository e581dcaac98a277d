/** Texts encrypted by ansible-vault (format 1.1 and 1.2, AES256). */
import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';

/** One password; `id` is the name that ansible-vault wrote into what it encrypted with it. */
export type VaultSecret = Readonly<{ id: string; password: Uint8Array }>;

export type Vault = Readonly<{
  /** Throws INVENTORY_ERROR at `location`: no password, none that fits, a damaged text. */
  open(text: string, location: SourceLocation): Buffer;
}>;

const HEADER = '$ANSIBLE_VAULT;';
const ITERATIONS = 10_000;
const KEY_BYTES = 32;
const IV_BYTES = 16;

const HOW = 'give it with --vault-password-file FILE, --vault-id NAME@FILE or --ask-vault-pass';

export function isVaultText(text: string): boolean {
  return text.startsWith(HEADER);
}

/** Tries the passwords whose id the text names first, then the others (so does Ansible). */
export function createVault(secrets: readonly VaultSecret[]): Vault {
  return {
    open(text, location) {
      const fail = (message: string, notes: readonly string[] = []): NetorchError =>
        new NetorchError('INVENTORY_ERROR', message, { location, notes });
      const { id, salt, hmac, ciphertext } = parseVaultText(text, fail);
      if (secrets.length === 0) {
        const whose = id === undefined ? '' : ` with the vault id "${id}"`;
        throw fail(`encrypted by ansible-vault${whose}, and no vault password is given`, [HOW]);
      }
      const sorted = [
        ...secrets.filter((secret) => secret.id === id),
        ...secrets.filter((secret) => secret.id !== id),
      ];
      for (const { password } of sorted) {
        const keys = pbkdf2Sync(password, salt, ITERATIONS, 2 * KEY_BYTES + IV_BYTES, 'sha256');
        const signed = createHmac('sha256', keys.subarray(KEY_BYTES, 2 * KEY_BYTES));
        const wanted = signed.update(ciphertext).digest();
        if (hmac.length !== wanted.length || !timingSafeEqual(hmac, wanted)) continue;
        const iv = keys.subarray(2 * KEY_BYTES);
        const decipher = createDecipheriv('aes-256-ctr', keys.subarray(0, KEY_BYTES), iv);
        return withoutPadding(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
      }
      const ids = [...new Set(secrets.map((secret) => secret.id))].join(', ');
      throw fail(
        secrets.length === 1
          ? 'the vault password does not open this text: it is wrong, or the text is damaged'
          : `none of the ${secrets.length} vault passwords (${ids}) opens this text`,
        id === undefined ? [] : [`it was encrypted with the vault id "${id}"`],
      );
    },
  };
}

export const LOCKED_VAULT: Vault = createVault([]);

type VaultText = Readonly<{
  id: string | undefined;
  salt: Buffer;
  hmac: Buffer;
  ciphertext: Buffer;
}>;

function parseVaultText(
  text: string,
  fail: (message: string, notes?: readonly string[]) => NetorchError,
): VaultText {
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const [mark, version, cipher, id] = header.trim().split(';');
  if (`${mark ?? ''};` !== HEADER) throw fail('a text of ansible-vault begins with $ANSIBLE_VAULT');
  if ((version !== '1.1' && version !== '1.2') || cipher !== 'AES256') {
    throw fail(`the vault format ${version ?? '?'} ${cipher ?? '?'} is not read`, [
      'encrypt it anew with today’s ansible-vault (1.1 or 1.2, AES256)',
    ]);
  }
  const damaged = fail('the encrypted text is damaged: it is no text of ansible-vault');
  const inner = fromHex(lines.map((line) => line.trim()).join('')) ?? Buffer.alloc(0);
  const [salt, hmac, ciphertext, ...more] = inner.toString('latin1').split('\n').map(fromHex);
  if (more.length > 0 || salt === undefined || hmac === undefined || ciphertext === undefined) {
    throw damaged;
  }
  return { id, salt, hmac, ciphertext };
}

function fromHex(text: string): Buffer | undefined {
  return /^(?:[0-9a-fA-F]{2})+$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** PKCS#7: the last byte says how many bytes were added. */
function withoutPadding(data: Buffer): Buffer {
  return data.subarray(0, data.length - (data.at(-1) ?? 0));
}

/** The edge: passwords of ansible-vault, from a file, a program or the keyboard. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { homedir } from 'node:os';

import { NetorchError } from '../errors.js';
import { runProgram } from '../inventory/run-program.js';
import { createVault, type Vault, type VaultSecret } from '../inventory/vault.js';
import { askSecret } from './ask-secret.js';

export type VaultOptions = Readonly<{
  /** Files; one that is executable is run and prints the password. */
  vaultPasswordFile?: readonly string[];
  /** `NAME@FILE`, `NAME@prompt`, or only FILE or `prompt`. */
  vaultId?: readonly string[];
  askVaultPass?: boolean;
}>;

/** What ansible-vault calls a password without a name. */
const DEFAULT_ID = 'default';

/**
 * A vault that opens with the passwords named by the options, or by Ansible's environment variables
 * where there are none. Files are read and questions asked here, once. Throws FILE_NOT_FOUND,
 * FILE_UNREADABLE, USAGE (a prompt without a terminal, an empty password), INVENTORY_ERROR (a program
 * that fails).
 */
export async function openVault(
  options: VaultOptions,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<Vault> {
  const identities = [
    ...(options.vaultId ?? env['ANSIBLE_VAULT_IDENTITY_LIST']?.split(',') ?? []),
    ...(options.vaultPasswordFile ?? listOf(env['ANSIBLE_VAULT_PASSWORD_FILE'])),
    ...(options.askVaultPass === true ? ['prompt'] : []),
  ].map((identity) => identity.trim());
  const secrets: VaultSecret[] = [];
  for (const identity of identities) {
    if (identity === '') continue;
    const at = identity.indexOf('@');
    const id = at > 0 ? identity.slice(0, at) : DEFAULT_ID;
    const source = identity.slice(at + 1);
    const password = await readPassword(id, source, cwd);
    if (password.length === 0) {
      throw new NetorchError('USAGE', `the vault password from "${source}" is empty`);
    }
    secrets.push({ id, password });
  }
  return createVault(secrets);
}

async function readPassword(id: string, source: string, cwd: string): Promise<Buffer> {
  if (source === 'prompt' || source === 'prompt_ask_vault_pass') {
    const whose = id === DEFAULT_ID ? '' : ` (${id})`;
    return Buffer.from(await askSecret(`Vault password${whose}: `, '--vault-password-file FILE'));
  }
  const path = resolve(cwd, source.replace(/^~(?=\/)/, homedir()));
  const found = await stat(path).catch((cause: unknown) => {
    throw new NetorchError('FILE_NOT_FOUND', `vault password file "${source}" does not exist`, {
      cause,
    });
  });
  if (found.isFile() && (found.mode & 0o111) !== 0) {
    // A program that serves several names is told which one is meant, if its own name says so.
    const isClient = basename(path, extname(path)).endsWith('-client');
    const printed = await runProgram(path, isClient ? ['--vault-id', id] : [], source);
    return Buffer.from(printed.replace(/^[\r\n]+|[\r\n]+$/g, ''));
  }
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new NetorchError('FILE_UNREADABLE', `vault password file "${source}" cannot be read`, {
      cause,
    });
  });
  return Buffer.from(text.trim());
}

function listOf(value: string | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : [value];
}

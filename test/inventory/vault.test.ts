import { describe, expect, test } from 'vitest';
import { createVault } from '../../src/inventory/vault.js';
import type { VaultSecret } from '../../src/inventory/vault.js';
import { failureOf } from '../config/failure.js';

/** Both encrypted by ansible-vault: the first with "secret1", the second as "prod" with "other". */
const PLAIN = 'a: 1\nb: {c: x}\n';
const WITHOUT_ID = `$ANSIBLE_VAULT;1.1;AES256
64653137383262656163386665643537313835306537383337333238343932653964303266306332
3666626434323263366135316333386633373733383531340a366364326537383930663262323666
34633538383231316561383431383165373336363537623939306237393436373236643731626232
3538376163363231660a623864373934633665376463333166393561366461386261666130643234
6538`;
const WITH_ID = `$ANSIBLE_VAULT;1.2;AES256;prod
31363865663366346234383036316139326161313335393263333561323261663239356463363834
3030636539663764323965653631313233356530303864320a633861343137323361633263366132
62663864633435326666663464633765313139343166393963366236383365643832356462633738
6436376631366163620a636130356266653964343332396431663530666264373833623139646539
3765`;

const AT = { file: 'v.yml', line: 3, column: 5 };
const secret = (id: string, password: string): VaultSecret => ({
  id,
  password: Buffer.from(password),
});
const open = (text: string, ...secrets: readonly VaultSecret[]) =>
  createVault(secrets).open(text, AT).toString();

describe('a text of ansible-vault', () => {
  test.each([
    ['format 1.1', WITHOUT_ID, [secret('default', 'secret1')]],
    ['format 1.2, by the password of its id', WITH_ID, [secret('prod', 'other')]],
    ['whichever of several passwords fits', WITH_ID, [secret('x', 'no'), secret('y', 'other')]],
    ['blanks before the lines', WITHOUT_ID.replaceAll('\n', '\n   '), [secret('d', 'secret1')]],
    ['lines that end as in DOS', WITHOUT_ID.replaceAll('\n', '\r\n'), [secret('d', 'secret1')]],
  ])('%s', (_, text, secrets) => {
    expect(open(text, ...secrets)).toBe(PLAIN);
  });

  test.each<[string, string, readonly VaultSecret[], string]>([
    ['no password', WITHOUT_ID, [], 'encrypted by ansible-vault, and no vault password is given'],
    ['no password for its id', WITH_ID, [], 'encrypted by ansible-vault with the vault id "prod"'],
    ['a wrong password', WITHOUT_ID, [secret('d', 'Secret1')], 'does not open this text'],
    [
      'several wrong ones',
      WITH_ID,
      [secret('a', 'x'), secret('b', 'y')],
      'none of the 2 vault passwords (a, b) opens this text',
    ],
    [
      'a changed text',
      WITHOUT_ID.replace(/.\n6538/, '0\n6538'),
      [secret('d', 'secret1')],
      'does not open',
    ],
    ['a cut-off text', WITHOUT_ID.slice(0, 200), [secret('d', 'secret1')], 'is damaged'],
    ['no hexadecimal digits', '$ANSIBLE_VAULT;1.1;AES256\nxyz', [secret('d', 's')], 'is damaged'],
    ['another format', '$ANSIBLE_VAULT;1.0;AES\n00', [secret('d', 's')], 'format 1.0 AES is not'],
  ])('is refused with its place: %s', (_, text, secrets, message) => {
    const [error] = failureOf(() => open(text, ...secrets));
    expect(error).toMatch(/^v\.yml:3:5 INVENTORY_ERROR: /);
    expect(error).toContain(message);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc } from '../generated.js';
import { afterEach, describe, expect, test } from 'vitest';
import { hostKeyPlace } from '../../src/transport/host-key-check.js';
import {
  judgeHostKey,
  keyFingerprint,
  knownHostsLine,
  knownKeyTypes,
  parseKnownHosts,
  publicKeyText,
} from '../../src/transport/known-hosts.js';
import { createKnownHostsFiles } from '../../src/transport/known-hosts-files.js';
import type { ConnectionTarget } from '../../src/transport/transport.js';

/** A public key in wire format; what follows the type is not looked at. */
function key(name: string, type = 'ssh-ed25519'): Buffer {
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  return Buffer.concat([field(Buffer.from(type)), field(Buffer.from(name))]);
}

const GOOD = publicKeyText(key('good'));
const OTHER = publicKeyText(key('other'));
const RSA = publicKeyText(key('good', 'ssh-rsa'));

/** Judges the key "good" of `address`. */
function judge(text: string, address = '192.0.2.1', port = 22) {
  return judgeHostKey(parseKnownHosts(text, 'kh'), address, port, key('good'));
}

describe('judgeHostKey', () => {
  test.each([
    ['a plain address', `192.0.2.1 ${GOOD}`, '192.0.2.1', 22],
    ['a list of names', `web,192.0.2.1 ${GOOD} comment here`, '192.0.2.1', 22],
    ['names without regard to case', `Web.Example ${GOOD}`, 'wEB.example', 22],
    ['an IPv6 address', `2001:db8::1 ${GOOD}`, '2001:db8::1', 22],
    ['an address with a port', `[192.0.2.1]:2222 ${GOOD}`, '192.0.2.1', 2222],
    ['a star', `192.0.2.* ${GOOD}`, '192.0.2.1', 22],
    ['a question mark', `192.0.2.? ${GOOD}`, '192.0.2.1', 22],
    ['a star with a port', `[*.example]:2222 ${GOOD}`, 'web.example', 2222],
    ['an entry without the port', `192.0.2.1 ${GOOD}`, '192.0.2.1', 2222],
    ['tabs and blanks before it', ` \t192.0.2.1\t${GOOD}`, '192.0.2.1', 22],
    ['the second of two keys of one type', `h ${OTHER}\nh ${GOOD}`, 'h', 22],
  ])('knows the host by %s', (_name, text, address, port) => {
    expect(judge(text, address, port).kind).toBe('known');
  });

  test.each([
    ['a comment', `# 192.0.2.1 ${GOOD}`],
    ['another address', `192.0.2.10 ${GOOD}`],
    ['a dot that is no wildcard', `192x0.2.1 ${GOOD}`],
    ['a negated pattern', `!192.0.2.1,192.0.2.* ${GOOD}`],
    ['only a negated pattern', `!192.0.2.2 ${GOOD}`],
    ['an entry for another port', `[192.0.2.1]:2222 ${GOOD}`],
    ['a line without a key', '192.0.2.1 ssh-ed25519'],
    ['a key that is not of its type', `192.0.2.1 ssh-rsa ${GOOD.split(' ')[1]}`],
    ['an unknown marker', `@strange 192.0.2.1 ${GOOD}`],
  ])('does not know the host by %s', (_name, text) => {
    expect(judge(text).kind).toBe('unknown');
  });

  test('names file and line of the entry that contradicts', () => {
    expect(judge(`# one\n\n192.0.2.1 ${OTHER}\n`)).toMatchObject({
      kind: 'mismatch',
      entry: { file: 'kh', line: 3, type: 'ssh-ed25519' },
    });
  });

  test('an entry without the port does not contradict a host on another port', () => {
    expect(judge(`192.0.2.1 ${OTHER}`, '192.0.2.1', 2222).kind).toBe('unknown');
  });

  test('tells a key of another type from an unknown host', () => {
    expect(judge(`192.0.2.1 ${RSA}`)).toMatchObject({
      kind: 'other-type',
      entry: { type: 'ssh-rsa' },
    });
  });

  test('a revoked key is refused even where it is known', () => {
    expect(judge(`192.0.2.1 ${GOOD}\n@revoked * ${GOOD}`).kind).toBe('revoked');
    expect(judge(`192.0.2.1 ${GOOD}\n@revoked * ${OTHER}`).kind).toBe('known');
  });

  test('a certificate authority is named only when nothing else matches', () => {
    const authority = `@cert-authority *.2.1 ${OTHER}`;
    expect(judge(authority)).toMatchObject({ kind: 'authority-only', entry: { line: 1 } });
    expect(judge(`${authority}\n192.0.2.1 ${GOOD}`).kind).toBe('known');
    expect(judge(`@cert-authority 192.0.2.1 ${GOOD}`).kind).toBe('authority-only');
  });
});

test('knownKeyTypes lists the types of plain entries in order, without repeats', () => {
  const text = `h ${RSA}\nh ${GOOD}\nh ${OTHER}\n@revoked h ${publicKeyText(key('x', 'ssh-dss'))}`;
  expect(knownKeyTypes(parseKnownHosts(text, 'kh'), 'h', 22)).toEqual(['ssh-rsa', 'ssh-ed25519']);
});

describe('with files', () => {
  let folder: string;
  function file(text: string): string {
    folder = mkdtempSync(join(tmpdir(), 'netorch-kh-'));
    const path = join(folder, 'known_hosts');
    writeFileSync(path, text);
    return path;
  }
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('reads what ssh-keygen -H hashes, and its fingerprints', () => {
    const path = file('');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'k')]);
    const text = readFileSync(join(folder, 'k.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    const presented = Buffer.from(text.split(' ')[1] ?? '', 'base64');
    writeFileSync(path, `192.0.2.1 ${text}\n[web.example]:2222 ${text}\n`);
    execFileSync('ssh-keygen', ['-H', '-f', path], { stdio: 'ignore' });
    const hashed = readFileSync(path, 'utf8');
    expect(hashed).toMatch(/^\|1\|[^\n]*\n\|1\|/);

    const entries = parseKnownHosts(hashed, path);
    const kinds = [
      ['192.0.2.1', 22],
      ['Web.Example', 2222],
      ['web.example', 22],
      ['192.0.2.2', 22],
    ] as const;
    expect(kinds.map(([host, port]) => judgeHostKey(entries, host, port, presented).kind)).toEqual([
      'known',
      'known',
      'unknown',
      'unknown',
    ]);
    const listed = execFileSync('ssh-keygen', ['-l', '-f', join(folder, 'k.pub')], {
      encoding: 'utf8',
    });
    expect(listed).toContain(` ${keyFingerprint(presented)} `);
  });

  test('what is appended is found by ssh-keygen -F, after a line without an end too', async () => {
    const path = file(`other ${OTHER}`);
    const files = createKnownHostsFiles();
    expect(await files.read([path, join(folder, 'missing')])).toHaveLength(1);
    await files.append(path, '2001:DB8::1', 2222, key('good'));
    await files.append(path, '2001:db8::1', 2222, key('good'));
    expect(readFileSync(path, 'utf8')).toBe(
      `other ${OTHER}\n${knownHostsLine('2001:db8::1', 2222, key('good'))}\n`,
    );
    expect(await files.read([path])).toHaveLength(2);
    const found = execFileSync('ssh-keygen', ['-F', '[2001:db8::1]:2222', '-f', path], {
      encoding: 'utf8',
    });
    expect(found).toContain('line 2');
  });

  test('a folder in place of a file rejects', async () => {
    file('');
    await expect(createKnownHostsFiles().read([folder])).rejects.toThrow('EISDIR');
  });
});

test('anything at all is read without a crash, and knows nobody by chance', () => {
  const field = fc.oneof(
    fc.constantFrom(
      '192.0.2.1',
      '|1|c2FsdA==|aGFzaA==',
      '|1|',
      '|2|a|b',
      '@revoked',
      '@',
      '*',
      '!*',
      '[',
      '[h]:x',
    ),
    fc.constantFrom(
      'ssh-ed25519',
      'ssh-rsa',
      GOOD.split(' ')[1] ?? '',
      'AAAA',
      '====',
      '__proto__',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const line = fc.array(field, { maxLength: 5 }).map((fields) => fields.join(' '));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.string({ maxLength: 12 }), (lines, host) => {
      const entries = parseKnownHosts(lines.join('\n'), 'kh');
      for (const entry of entries)
        expect(entry.line).toBeLessThanOrEqual(lines.join('\n').split('\n').length);
      const { kind } = judgeHostKey(entries, host, 22, key('never written'));
      expect(['unknown', 'mismatch', 'other-type', 'authority-only']).toContain(kind);
      knownKeyTypes(entries, host, 2222);
    }),
    { seed: 11, numRuns: Number(process.env['NETORCH_FUZZ_RUNS'] ?? 500) },
  );
});

test('patterns that a backtracking matcher dies of are answered', () => {
  const [entry] = parseKnownHosts(`${'*a'.repeat(300)}b ${GOOD}`, 'kh');
  expect(entry?.matches('a'.repeat(3000))).toBe(false);
});

test('a host with an alias is kept under it, without its port', async () => {
  const target = { hostKeyAlias: 'web-1', port: 2222 } as ConnectionTarget;
  expect(hostKeyPlace(target, '192.0.2.1')).toEqual(['web-1', 22]);
  expect(hostKeyPlace({ ...target, hostKeyAlias: undefined }, '192.0.2.1')).toEqual([
    '192.0.2.1',
    2222,
  ]);
});

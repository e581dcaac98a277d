/**
 * The plain public key inside an OpenSSH certificate (PROTOCOL.certkeys): type, nonce, then the fields
 * of the key. Pure.
 */
const FIELDS_OF_KEY: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};

/** `text`: `type base64`. What is no certificate comes back as it is; undefined: it is damaged. */
export function plainKeyText(text: string): string | undefined {
  const [type = '', base64 = ''] = text.trim().split(/\s+/);
  const plainType = /^(.+)-cert-v\d\d@openssh\.com$/.exec(type)?.[1];
  if (plainType === undefined) return base64 === '' ? undefined : `${type} ${base64}`;
  const count = FIELDS_OF_KEY[plainType];
  if (count === undefined) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  const fields: Buffer[] = [];
  for (let at = 0; fields.length < count + 2;) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(at, end));
    at = end;
  }
  const length = Buffer.alloc(4);
  length.writeUInt32BE(plainType.length);
  const key = Buffer.concat([length, Buffer.from(plainType), ...fields.slice(2)]);
  return `${plainType} ${key.toString('base64')}`;
}

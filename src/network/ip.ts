/** IP addresses and networks in one canonical spelling. */
import { Address4, Address6 } from 'ip-address';
import type { IpAddress, IpFamily } from './state.js';

/** RFC 8200: below this the kernel removes IPv6 from the device. */
export const MINIMUM_IPV6_MTU = 1280;

/** As the kernel prints it. Most that is read is such a one, and a host has thousands of comparisons. */
const PLAIN_IPV4 =
  /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** An address without prefix in canonical text (RFC 5952), or undefined when it is none. */
export function canonicalIp(text: string): { family: IpFamily; ip: string } | undefined {
  if (PLAIN_IPV4.test(text)) return { family: 'ipv4', ip: text };
  if (/[/%\s]/.test(text)) return undefined;
  if (Address4.isValid(text)) return { family: 'ipv4', ip: new Address4(text).correctForm() };
  if (!Address6.isValid(text)) return undefined;
  const address = new Address6(text);
  // Kernel and RFC 5952 write addresses that hold an IPv4 one in mixed notation.
  const ip = address.isInSubnet(new Address6('::ffff:0:0/96'))
    ? `::ffff:${address.to4().correctForm()}`
    : address.correctForm();
  return { family: 'ipv6', ip };
}

/**
 * A network in canonical CIDR text; host bits are cleared, and a lone address gets the full prefix
 * length. undefined when the text is none.
 */
export function canonicalNetwork(
  text: string,
): { family: IpFamily; network: string; prefixLength: number } | undefined {
  const [address, length, ...rest] = text.split('/');
  if (address === undefined || rest.length > 0) return undefined;
  const ip = canonicalIp(address);
  if (ip === undefined) return undefined;
  const bits = ip.family === 'ipv4' ? 32 : 128;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const prefixLength = length === undefined ? bits : Number(length);
  if (prefixLength > bits) return undefined;
  if (ip.family === 'ipv4') {
    const start = ipv4Number(ip.ip) & ipv4Mask(prefixLength);
    const network = [24, 16, 8, 0].map((shift) => (start >>> shift) & 255).join('.');
    return { family: 'ipv4', network: `${network}/${prefixLength}`, prefixLength };
  }
  const start = new Address6(`${ip.ip}/${prefixLength}`).startAddress().correctForm();
  const network = canonicalIp(start)?.ip ?? start;
  return { family: 'ipv6', network: `${network}/${prefixLength}`, prefixLength };
}

const POINT = '.'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

/** Of canonical text, as a signed number of 32 bits. (A host has thousands of them: nothing is taken apart.) */
function ipv4Number(ip: string): number {
  let number = 0;
  let byte = 0;
  for (let at = 0; at < ip.length; at++) {
    const code = ip.charCodeAt(at);
    if (code !== POINT) {
      byte = byte * 10 + code - ZERO;
    } else {
      number = (number << 8) | byte;
      byte = 0;
    }
  }
  return (number << 8) | byte;
}

/** A shift by 32 is one by 0. */
const ipv4Mask = (prefixLength: number): number =>
  prefixLength === 0 ? 0 : -1 << (32 - prefixLength);

/** Is it the last address of its subnet, at which all of it are called? Of canonical text. */
export function isIpv4Broadcast({ ip, prefixLength }: IpAddress): boolean {
  return (ipv4Number(ip) | ipv4Mask(prefixLength)) === -1;
}

/** The eight words of an IPv6 address in canonical text. */
function ipv6Words(ip: string): readonly number[] {
  const wordsOf = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').flatMap((word) => {
          if (!word.includes('.')) return [Number.parseInt(word, 16)];
          const bits = ipv4Number(word);
          return [bits >>> 16, bits & 0xffff];
        });
  const [head = '', tail] = ip.split('::');
  const first = wordsOf(head);
  if (tail === undefined) return first;
  const last = wordsOf(tail);
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

/** Does the address lie in the subnet of `within`? Addresses of two families never do. Both are canonical. */
export function isInSubnet(ip: string, within: IpAddress): boolean {
  const { prefixLength } = within;
  const isIpv6 = ip.includes(':');
  if (isIpv6 !== within.ip.includes(':')) return false;
  if (!isIpv6) return ((ipv4Number(ip) ^ ipv4Number(within.ip)) & ipv4Mask(prefixLength)) === 0;
  const subnet = ipv6Words(within.ip);
  return ipv6Words(ip).every((word, index) => {
    const bits = Math.min(16, Math.max(0, prefixLength - index * 16));
    return ((word ^ (subnet[index] ?? 0)) & (0xffff << (16 - bits))) === 0;
  });
}

/** The same for a network in canonical CIDR text. */
export function isInNetwork(ip: string, network: string): boolean {
  const [of = '', length = ''] = network.split('/');
  return isInSubnet(ip, { ip: of, prefixLength: Number(length) });
}

const addressText = (address: IpAddress): string => `${address.ip}/${address.prefixLength}`;

/** The same addresses, and in every subnet the same one first. */
export function samePrimaries(a: readonly IpAddress[], b: readonly IpAddress[]): boolean {
  if (a.length !== b.length) return false;
  const isSame = ({ ip, prefixLength }: IpAddress, index: number): boolean =>
    ip === b[index]?.ip && prefixLength === b[index].prefixLength;
  if (a.every(isSame)) return true;
  const texts = new Set(b.map(addressText));
  if (!a.every((address) => texts.has(addressText(address)))) return false;
  const primaries = (list: readonly IpAddress[]): string =>
    list
      .filter((address, index) => {
        if (address.ip.includes(':')) return false;
        const inSubnet = (other: IpAddress): boolean =>
          other.prefixLength === address.prefixLength && isInSubnet(other.ip, address);
        return list.findIndex(inSubnet) === index;
      })
      .map(addressText)
      .sort()
      .join(' ');
  return primaries(a) === primaries(b);
}

export function isLinkLocal(ip: string): boolean {
  // fe80::/10, the first ten bits of the first word.
  return /^fe[89ab][0-9a-f]:/.test(ip);
}

/** The link-local address that the kernel makes of a MAC (modified EUI-64, RFC 4291 appendix A). */
export function linkLocalOf(mac: string): string | undefined {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16));
  const [a, b, c, d, e, f] = bytes;
  if (a === undefined || b === undefined || c === undefined) return undefined;
  if (d === undefined || e === undefined || f === undefined) return undefined;
  // Only the first of these can be 0, and is then part of the zeros before it.
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  const text = words.map((word) => word.toString(16)).join(':');
  return `fe80::${text.replace(/^0:/, '')}`;
}

export const defaultDestination = (family: IpFamily): string =>
  family === 'ipv4' ? '0.0.0.0/0' : '::/0';

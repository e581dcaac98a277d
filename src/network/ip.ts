/** IP addresses and networks in one canonical spelling. */
import { Address4, Address6 } from 'ip-address';
import type { IpAddress, IpFamily } from './state.js';

/** RFC 8200: below this the kernel removes IPv6 from the device. */
export const MINIMUM_IPV6_MTU = 1280;

/** An address without prefix in canonical text (RFC 5952), or undefined when it is none. */
export function canonicalIp(text: string): { family: IpFamily; ip: string } | undefined {
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
  const start =
    ip.family === 'ipv4'
      ? new Address4(`${ip.ip}/${prefixLength}`).startAddress()
      : new Address6(`${ip.ip}/${prefixLength}`).startAddress();
  const network = canonicalIp(start.correctForm())?.ip ?? start.correctForm();
  return { family: ip.family, network: `${network}/${prefixLength}`, prefixLength };
}

/** Does the address lie in the subnet of `within`? Addresses of two families never do. */
export function isInSubnet(ip: string, within: IpAddress): boolean {
  const subnet = canonicalNetwork(`${within.ip}/${within.prefixLength}`);
  const own = canonicalNetwork(`${ip}/${within.prefixLength}`);
  return subnet !== undefined && own !== undefined && subnet.network === own.network;
}

const addressText = (address: IpAddress): string => `${address.ip}/${address.prefixLength}`;

/** The same addresses, and in every subnet the same one first. */
export function samePrimaries(a: readonly IpAddress[], b: readonly IpAddress[]): boolean {
  if (a.length !== b.length) return false;
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
  return isInSubnet(ip, { ip: 'fe80::', prefixLength: 10 });
}

/** The link-local address that the kernel makes of a MAC (modified EUI-64, RFC 4291 appendix A). */
export function linkLocalOf(mac: string): string | undefined {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16));
  const [a, b, c, d, e, f] = bytes;
  if (a === undefined || b === undefined || c === undefined) return undefined;
  if (d === undefined || e === undefined || f === undefined) return undefined;
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return canonicalIp(`fe80::${words.map((word) => word.toString(16)).join(':')}`)?.ip;
}

export const defaultDestination = (family: IpFamily): string =>
  family === 'ipv4' ? '0.0.0.0/0' : '::/0';

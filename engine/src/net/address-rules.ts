/**
 * What an IP address is to us: may a webhook go there?
 *
 *   public      everyone may be sent to
 *   loopback    only test mode, or an entry of the allow-list
 *   private     only an entry of the allow-list; every other range that is not public
 *               (documentation, benchmarking, multicast, ...) counts as private
 *   forbidden   no one, and nothing opens it
 *
 * Deny by default: an IPv4 address is public when no registry reserves it, an IPv6 address
 * only inside 2000::/3, and what cannot be read is forbidden. `::ffff:a.b.c.d` is IPv4 in
 * disguise (the system connects it as such), so it is judged as the address inside.
 */
import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

export type AddressKind = 'public' | 'loopback' | 'private' | 'forbidden';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [network: Address, bits: number];

const LOOPBACK_V6 = '::1';
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

/**
 * Credentials of the machine itself can be read at the metadata addresses of its cloud, so no
 * allow-list may reach them by being too wide. Not all look private: 168.63.129.16 is public
 * by every registry.
 */
const METADATA = [
	'169.254.0.0/16', // AWS, Google, Azure, ECS and EKS credentials, most others
	'100.100.100.200/32', // Alibaba, inside carrier-grade NAT
	'168.63.129.16/32', // Azure
	'192.0.0.192/32', // Oracle
	'fe80::/10', // OpenStack: fe80::a9fe:a9fe
	'fd00:ec2::/32', // AWS: ::254, and EKS credentials at ::23
	'fd20:ce::254/128', // Google
	'fd00:42::42/128', // Scaleway
];

/** IPv6 that carries an IPv4 address inside, perhaps one of the above, to where we cannot see. */
const CARRIERS = [
	'::/96', // IPv4-compatible
	'::ffff:0:0:0/96', // stateless translation
	'64:ff9b::/96', // NAT64
	'64:ff9b:1::/48', // NAT64 of a local network
	'2001::/32', // Teredo
	'2002::/16', // 6to4
];

/** "This host": connecting there reaches the machine itself. */
const UNSPECIFIED = ['0.0.0.0/8'];

const FORBIDDEN = [...METADATA, ...CARRIERS, ...UNSPECIFIED].map((range) => {
	return ipaddr.parseCIDR(range);
});

/** Takes an address as the resolver or `URL.hostname` spells it, IPv6 without brackets. */
export function classifyAddress(text: string): AddressKind {
	const address = parseAddress(text);
	if (address === undefined) return 'forbidden';
	// ::1 lies inside the IPv4-compatible range, which is why it comes first.
	if (address.toString() === LOOPBACK_V6) return 'loopback';
	if (FORBIDDEN.some((range) => contains(range, address))) return 'forbidden';
	const registered = address.range();
	if (registered === 'loopback') return 'loopback';
	if (registered !== 'unicast') return 'private';
	return address.kind() === 'ipv4' || contains(GLOBAL_UNICAST, address) ? 'public' : 'private';
}

/** Whether the address lies in the range. `range` must be a valid CIDR. */
export function isInRange(text: string, range: string): boolean {
	const address = parseAddress(text);
	return address !== undefined && contains(ipaddr.parseCIDR(range), address);
}

/** The one spelling of an address, or undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
	return parseAddress(text)?.toString();
}

function contains([network, bits]: Range, address: Address): boolean {
	return network.kind() === address.kind() && address.match(network, bits);
}

/** Strict where ipaddr.js is not: it would read `127.1` and take `::8.8.8.8` for mapped. */
function parseAddress(text: string): Address | undefined {
	const family = isIP(text);
	if (family === 4) return ipaddr.IPv4.parse(text);
	// A zone id names an interface of this machine; nothing out there has one.
	if (family !== 6 || text.includes('%')) return undefined;
	const address = ipaddr.IPv6.parse(new URL(`http://[${text}]`).hostname.slice(1, -1));
	return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

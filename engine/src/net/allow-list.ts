/**
 * The exact list of private destinations that webhooks may reach: `WEBHOOK_ALLOW_PRIVATE`.
 *
 *   n8n                     a host, on every port; its addresses may be private
 *   n8n:5678                the same on one port
 *   192.168.1.20            an address; 192.168.1.20:5678 on one port
 *   [fd00::5]:5678          an IPv6 address; brackets may be left out when there is no port
 *   172.18.0.0/16           a range
 *
 * There is no wildcard and no range wider than the widest private network (10.0.0.0/8,
 * fc00::/7): an entry names what is meant, it does not switch the guard off. What is forbidden
 * (`address-rules.ts`) stays so, whatever is listed.
 */
import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { canonicalAddress, classifyAddress, isInRange } from './address-rules.ts';
import { isBadPort } from './bad-ports.ts';
import { canonicalHost } from './host-names.ts';

export type AllowEntry = Destination & {
	/** Undefined for every port. */
	readonly port: number | undefined;
};

type Destination =
	| { readonly kind: 'host'; readonly host: string }
	| { readonly kind: 'range'; readonly range: string };

export interface AllowList {
	readonly entries: readonly AllowEntry[];
	/** One sentence per entry that cannot be used, naming it. */
	readonly faults: readonly string[];
}

/** Host is lower case without trailing dot; an IPv6 address has no brackets. */
export interface Target {
	readonly host: string;
	readonly port: number;
}

const FORBIDDEN = 'holds link-local, metadata or tunnel addresses, which nothing may reach.';
const LAST_PORT = 65_535;
const WIDEST_V4_BITS = 8;
const WIDEST_V6_BITS = 7;
const HOST_AND_PORT = /^(?<host>\[[^\]]*\]|[^:[\]]+)(?::(?<port>\d{1,5}))?$/;
const HOST_NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** Reads a comma-separated list. Entries with a fault are left out. */
export function parseAllowList(text: string): AllowList {
	const entries: AllowEntry[] = [];
	const faults: string[] = [];
	for (const item of text.split(',').map((part) => part.trim())) {
		if (item === '') continue;
		const entry = parseEntry(item);
		if (typeof entry === 'string') faults.push(`"${item}" ${entry}`);
		else entries.push(entry);
	}
	return { entries, faults };
}

/** Whether an entry names this very host, so that the host's addresses may be private. */
export function allowsHost(entries: readonly AllowEntry[], target: Target): boolean {
	return entries.some((entry) => {
		return entry.kind === 'host' && entry.host === target.host && isOnPort(entry, target.port);
	});
}

/** Whether an entry's range holds this address. */
export function allowsAddress(
	entries: readonly AllowEntry[],
	address: string,
	port: number,
): boolean {
	return entries.some((entry) => {
		return entry.kind === 'range' && isOnPort(entry, port) && isInRange(address, entry.range);
	});
}

function isOnPort(entry: AllowEntry, port: number): boolean {
	return entry.port === undefined || entry.port === port;
}

/** The entry, or the rest of a sentence that says what is wrong with it. */
function parseEntry(item: string): AllowEntry | string {
	if (item.includes('://')) return 'must be a host and a port only, without http://.';
	if (item.includes('*')) return 'is a wildcard; list every host by its exact name.';
	if (item.includes('/')) return parseRange(item);
	if (isIP(item) === 6) return addressEntry(item, undefined);

	const parts = HOST_AND_PORT.exec(item)?.groups ?? {};
	const host = parseHost(parts.host ?? '');
	if (host === undefined) return 'is no host, host:port, address or CIDR range.';
	const port = parts.port === undefined ? undefined : Number(parts.port);
	if (port !== undefined && (port > LAST_PORT || isBadPort(port))) {
		return 'names a port that webhooks are never sent to.';
	}
	return isIP(host) === 0 ? { kind: 'host', host, port } : addressEntry(host, port);
}

/** Spelled as the host of a URL is, so that the two compare equal. */
function parseHost(text: string): string | undefined {
	const url = URL.parse(`http://${text}/`);
	// Anything but a host in the text (user:password@, ?, #) would show in the serialised URL.
	if (url === null || url.href !== `http://${url.hostname}/`) return undefined;
	const host = canonicalHost(url.hostname);
	if (host === undefined) return undefined;
	return isIP(host) !== 0 || HOST_NAME.test(host) ? host : undefined;
}

function parseRange(item: string): AllowEntry | string {
	const isV4 = ipaddr.IPv4.isValidCIDRFourPartDecimal(item);
	if (!isV4 && !ipaddr.IPv6.isValidCIDR(item)) return 'is no valid CIDR range.';
	const [network, bits] = ipaddr.parseCIDR(item);
	// Mapped addresses are judged as IPv4, so such a range would never match.
	if (!isV4 && network.range() === 'ipv4Mapped') return 'must be written as an IPv4 range.';
	if (bits < (isV4 ? WIDEST_V4_BITS : WIDEST_V6_BITS)) {
		return 'is wider than any private network; list the networks that are meant.';
	}
	if (classifyAddress(network.toString()) === 'forbidden') return FORBIDDEN;
	return { kind: 'range', range: item, port: undefined };
}

function addressEntry(text: string, port: number | undefined): AllowEntry | string {
	const address = canonicalAddress(text);
	if (address === undefined || classifyAddress(address) === 'forbidden') return FORBIDDEN;
	return { kind: 'range', range: `${address}/${isIP(address) === 4 ? 32 : 128}`, port };
}

/**
 * The proxy of an instance, as people write it: `socks5://user:password@proxy.example:1080`.
 *
 * Three schemes. `http` and `https` tunnel with CONNECT (the scheme tells how the proxy itself is
 * spoken to), `socks5` leaves names to the proxy, which others call `socks5h`. Whether the host may
 * be reached is not decided here.
 *
 * The URL is a secret as a whole; what may be shown of it is `publicProxyUrl`. No sentence below
 * repeats any of it.
 */
export type ProxyScheme = 'http' | 'https' | 'socks5';

export interface ProxyAddress {
	readonly scheme: ProxyScheme;
	/** In the one spelling that `URL` gives to web hosts: lower case, IPv6 in brackets. */
	readonly hostname: string;
	readonly port: number;
	/** Percent signs are undone. */
	readonly credentials: ProxyCredentials | null;
}

export interface ProxyCredentials {
	readonly user: string;
	readonly password: string;
}

export type ProxyUrlFault =
	'invalid_url' | 'scheme_not_allowed' | 'path_not_allowed' | 'credentials_not_usable';

export type ParsedProxyUrl =
	| { readonly ok: true; readonly proxy: ProxyAddress }
	| { readonly ok: false; readonly reason: ProxyUrlFault; readonly hint: string };

const DEFAULT_PORTS: Readonly<Record<ProxyScheme, number>> = { http: 80, https: 443, socks5: 1080 };

/** Lengths are a single byte in the SOCKS5 handshake (RFC 1929). */
const LONGEST_SOCKS5_BYTES = 255;

const HINTS: Readonly<Record<ProxyUrlFault, string>> = {
	invalid_url:
		'Write scheme://host:port or scheme://user:password@host:port, with special characters of ' +
		'user and password percent-encoded.',
	scheme_not_allowed: 'Use http://, https:// or socks5:// (which lets the proxy resolve names).',
	path_not_allowed: 'Leave out whatever follows the port.',
	credentials_not_usable:
		'An HTTP proxy takes no user with a colon; a SOCKS5 proxy takes a user and a password of at ' +
		'most 255 bytes, and no password without a user.',
};

export function parseProxyUrl(text: string): ParsedProxyUrl {
	const url = URL.parse(text);
	if (url === null) return refuse('invalid_url');
	const scheme = url.protocol.slice(0, -1);
	if (!isScheme(scheme)) return refuse('scheme_not_allowed');
	// URL leaves hosts alone in schemes that it does not know, such as socks5.
	const hostname = URL.parse(`http://${url.hostname}/`)?.hostname;
	if (url.hostname === '' || hostname === undefined) return refuse('invalid_url');
	if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') {
		return refuse('path_not_allowed');
	}

	const credentials = credentialsOf(url);
	if (credentials === undefined) return refuse('invalid_url');
	if (credentials && !isUsable(credentials, scheme)) return refuse('credentials_not_usable');
	const port = url.port === '' ? DEFAULT_PORTS[scheme] : Number(url.port);
	return { ok: true, proxy: { scheme, hostname, port, credentials } };
}

/** What may be shown. `text` must have passed `parseProxyUrl`. */
export function publicProxyUrl(text: string): {
	readonly url: string;
	readonly hasCredentials: boolean;
} {
	const parsed = parseProxyUrl(text);
	if (!parsed.ok) throw new TypeError('not the URL of a proxy');
	const { scheme, hostname, port, credentials } = parsed.proxy;
	return { url: `${scheme}://${hostname}:${port}`, hasCredentials: credentials !== null };
}

function isScheme(text: string): text is ProxyScheme {
	return Object.hasOwn(DEFAULT_PORTS, text);
}

/** Undefined when a percent sign does not begin a UTF-8 character. */
function credentialsOf({ username, password }: URL): ProxyCredentials | null | undefined {
	if (username === '' && password === '') return null;
	try {
		return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
	} catch {
		return undefined;
	}
}

function isUsable({ user, password }: ProxyCredentials, scheme: ProxyScheme): boolean {
	if (scheme !== 'socks5') return !user.includes(':');
	return user !== '' && [user, password].every((text) => bytesOf(text) <= LONGEST_SOCKS5_BYTES);
}

function bytesOf(text: string): number {
	return new TextEncoder().encode(text).length;
}

function refuse(reason: ProxyUrlFault): ParsedProxyUrl {
	return { ok: false, reason, hint: HINTS[reason] };
}

/**
 * Host names as the guard sees them: one spelling per host, and a list of names that mean
 * something near to us rather than something on the internet.
 *
 * The addresses behind a name decide in the end. Refusing local names first gives a clearer
 * answer and does not ask the resolver about names that it may treat in its own way.
 */
const LOCAL_SUFFIXES = ['localhost', 'localdomain', 'local', 'internal', 'lan', 'home.arpa'];

/**
 * The host of a parsed URL, without brackets and without the dot that makes a name absolute
 * (`localhost.` is `localhost`). Undefined when a label is empty: resolvers differ on those.
 *
 * Only hosts that `URL` has parsed may be passed: it has undone upper case, full-width digits,
 * percent signs and every numeric spelling of an IPv4 address.
 */
export function canonicalHost(hostname: string): string | undefined {
	if (hostname.startsWith('[')) return hostname.slice(1, -1);
	const host = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
	return host.split('.').includes('') ? undefined : host;
}

/** Names of one label (`n8n`, `redis`, `metadata`) and those below a local suffix. */
export function isLocalName(host: string): boolean {
	return (
		!host.includes('.') ||
		LOCAL_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`))
	);
}

/** Names that every system keeps for itself (RFC 6761). */
export function isLoopbackName(host: string): boolean {
	return host === 'localhost' || host.endsWith('.localhost');
}

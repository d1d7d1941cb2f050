/**
 * The connector of one origin: it connects only where the guard permits.
 *
 * Two doors must be watched. A name is resolved by our lookup, which answers only when every
 * address passes; the socket then connects to exactly these, so a name that changes between
 * check and connection (DNS rebinding) gains nothing. A literal address is never looked up, by
 * Node's design, so it must be judged before the socket is made.
 */
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { Mode } from '../domain/scope.ts';
import type { Target } from './allow-list.ts';
import type { ResolvingUrlGuard } from './url-guard.ts';

export type ConnectFaultReason = 'blocked' | 'dns_failed' | 'connect_failed' | 'tls_failed';

/** No connection, so nothing of the request has left. */
export class ConnectFault extends Error {
	override readonly name = 'ConnectFault';
	readonly reason: ConnectFaultReason;

	constructor(reason: ConnectFaultReason, message: string, options?: ErrorOptions) {
		super(message, options);
		this.reason = reason;
	}
}

export interface GuardedConnectorOptions {
	readonly guard: ResolvingUrlGuard;
	readonly target: Target;
	readonly mode: Mode;
	readonly connectTimeoutMs: number;
	/** Certificates to trust instead of the well-known ones. */
	readonly ca?: string | undefined;
}

/**
 * All that can go wrong below TLS. These share one message: told apart, refusal and silence
 * would map the open ports of a private network for whoever may create an endpoint.
 */
const NETWORK_CODES: ReadonlySet<string> = new Set([
	'ECONNREFUSED',
	'ECONNRESET',
	'EHOSTUNREACH',
	'ENETUNREACH',
	'EADDRNOTAVAIL',
	'EACCES',
	'EPERM',
	'EPIPE',
	'ETIMEDOUT',
	'UND_ERR_CONNECT_TIMEOUT',
]);

export function guardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
	const { guard, target, mode, connectTimeoutMs, ca } = options;
	const connect = buildConnector({
		timeout: connectTimeoutMs,
		// One request per connection: with HTTP/2 a stalled socket would hold all of them.
		allowH2: false,
		lookup: guardedLookup(guard, target, mode),
		...(ca === undefined ? {} : { ca }),
	});
	return (request, callback) => {
		if (isIP(request.hostname) !== 0 && !guard.permits(request.hostname, target, mode)) {
			callback(new ConnectFault('blocked', 'Webhooks may not be sent to this address.'), null);
			return;
		}
		connect(request, (...[error, socket]) => {
			if (error === null) callback(null, socket);
			else callback(toConnectFault(error, request.protocol), null);
		});
	};
}

export function guardedLookup(
	guard: ResolvingUrlGuard,
	target: Target,
	mode: Mode,
): LookupFunction {
	return (_host, options, callback) => {
		void guard.resolve(target, mode).then((resolution) => {
			if (!resolution.ok) {
				const reason = resolution.reason === 'host_not_found' ? 'dns_failed' : 'blocked';
				callback(new ConnectFault(reason, resolution.hint), '');
				return;
			}
			// Node asks for all, to try them in turn, unless that was switched off for the process.
			const entries = resolution.addresses.map((address) => ({ address, family: isIP(address) }));
			const [first] = entries;
			if (options.all === true) callback(null, entries);
			else callback(null, first?.address ?? '', first?.family);
		});
	};
}

function toConnectFault(error: Error, protocol: string): ConnectFault {
	if (error instanceof ConnectFault) return error;
	const code = 'code' in error ? String(error.code) : '';
	if (protocol !== 'https:' || NETWORK_CODES.has(code)) {
		return new ConnectFault('connect_failed', 'The receiver cannot be reached.', { cause: error });
	}
	const message = `The receiver's certificate or TLS handshake was refused (${code}).`;
	return new ConnectFault('tls_failed', message, { cause: error });
}

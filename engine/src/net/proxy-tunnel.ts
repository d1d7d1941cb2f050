/**
 * A connection to somewhere through a proxy: TCP to the proxy, TLS with it if it wants that, then
 * the proxy's own handshake.
 *
 * A proxy is chosen by whoever holds an API key and is connected from inside our network, as a
 * webhook's receiver is. So the same guard rules: the host before, every resolved address during
 * the connection. Nothing falls back to a direct connection.
 *
 * Libraries (https-proxy-agent 9, socks-proxy-agent 10) do the handshakes as well, but open the
 * connection themselves, never give up on a silent proxy, keep the socket after the caller has gone,
 * and put the password into their errors.
 */
import { request } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ProxyAddress, ProxyCredentials } from '../domain/proxy-url.ts';
import type { Mode } from '../domain/scope.ts';
import type { Target } from './allow-list.ts';
import { ConnectFault, guardedLookup } from './guarded-connector.ts';
import { ProxyFault, type ProxyFailure } from './proxy-fault.ts';
import { connectBySocks5 } from './socks5.ts';
import type { ResolvingUrlGuard } from './url-guard.ts';

export interface TunnelOptions {
	readonly guard: ResolvingUrlGuard;
	readonly proxy: ProxyAddress;
	readonly mode: Mode;
	/** Where the proxy shall connect. Not judged: it is ours, not the proxy owner's. */
	readonly target: Target;
	/** Ends the attempt; without effect once there is a tunnel. */
	readonly signal: AbortSignal;
	/** Certificates to trust instead of the well-known ones, in a proxy's TLS. */
	readonly ca?: string | undefined;
}

/** Statuses of a proxy that did try, or would not. Others come from servers that are no proxy. */
const TRIED = [403, 429, 500, 502, 503, 504];

/** Rejects with a `ProxyFault`. The socket's errors after that are told by `close` as well. */
export async function openTunnel(options: TunnelOptions): Promise<Socket> {
	const { guard, proxy, mode, target, signal, ca } = options;
	const at = permittedTarget(guard, proxy, mode);
	/** What it means when the time is up. */
	let overdue: ProxyFailure = 'connect_failed';
	const socket = connectTcp({ ...at, lookup: guardedLookup(guard, at, mode) });
	const abort = (): unknown => socket.destroy();
	// Without a listener, an error between two owners of the socket would end the process.
	socket.on('error', ignore);
	signal.addEventListener('abort', abort);
	if (signal.aborted) abort();
	try {
		await connected(socket);
		overdue = 'tls_failed';
		const line = proxy.scheme === 'https' ? await overTls(socket, at.host, ca) : socket;
		overdue = 'no_answer';
		if (proxy.scheme === 'socks5') await connectBySocks5(line, target, proxy.credentials);
		else await connectByHttp(line, target, proxy.credentials);
		return line;
	} catch (error) {
		socket.destroy();
		throw signal.aborted ? ProxyFault.failed(overdue) : error;
	} finally {
		signal.removeEventListener('abort', abort);
	}
}

/** TLS inside a connection that exists. Rejects when the certificate is not that of the host. */
export async function overTls(socket: Socket, host: string, ca?: string): Promise<Socket> {
	const secured = connectTls({
		socket,
		host,
		...(isIP(host) === 0 ? { servername: host } : {}),
		...(ca === undefined ? {} : { ca }),
	});
	secured.on('error', ignore);
	if ((await firstOf(secured, 'secureConnect', 'close')) === 'secureConnect') return secured;
	socket.destroy();
	throw ProxyFault.failed('tls_failed', codeOf(secured.errored));
}

/** The guard speaks of web URLs; a proxy is judged like a secure web server at its host and port. */
function permittedTarget(guard: ResolvingUrlGuard, proxy: ProxyAddress, mode: Mode): Target {
	const inspection = guard.inspect(`https://${proxy.hostname}:${proxy.port}/`, mode);
	if (inspection.ok) return inspection.target;
	const { reason } = inspection;
	if (reason === 'port_not_allowed' || reason === 'address_not_allowed') {
		throw ProxyFault.refused(reason);
	}
	throw ProxyFault.refused('host_not_allowed');
}

async function connected(socket: Socket): Promise<void> {
	if ((await firstOf(socket, 'connect', 'close')) === 'connect') return;
	const error = socket.errored;
	if (!(error instanceof ConnectFault)) throw ProxyFault.failed('connect_failed');
	if (error.reason === 'dns_failed') throw ProxyFault.failed('host_not_found');
	throw ProxyFault.refused('address_not_allowed');
}

async function connectByHttp(
	socket: Socket,
	{ host, port }: Target,
	credentials: ProxyCredentials | null,
): Promise<void> {
	const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
	const status = await new Promise<number>((resolve, reject) => {
		request({
			method: 'CONNECT',
			path: authority,
			headers: { host: authority, connection: 'keep-alive', ...authorization(credentials) },
			createConnection: () => socket,
		})
			.on('connect', ({ statusCode = 0 }, _socket, firstBytes) => {
				if (firstBytes.length > 0) socket.unshift(firstBytes);
				resolve(statusCode);
			})
			.on('error', () => reject(ProxyFault.failed('not_a_proxy')))
			.end();
	});
	if (status >= 200 && status < 300) return;
	if (status === 407) throw ProxyFault.failed('credentials_refused');
	const reason = TRIED.includes(status) ? 'target_unreachable' : 'not_a_proxy';
	throw ProxyFault.failed(reason, `It answered with the HTTP status ${status}.`);
}

function authorization(credentials: ProxyCredentials | null): Record<string, string> {
	if (credentials === null) return {};
	const pair = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
	return { 'proxy-authorization': `Basic ${pair}` };
}

/** Which of these events comes first. None of the listeners stays behind. */
function firstOf<Event extends string>(socket: Socket, ...events: Event[]): Promise<Event> {
	return new Promise((resolve) => {
		const listeners = events.map((event) => [event, () => settle(event)] as const);
		const settle = (event: Event): void => {
			for (const [name, listener] of listeners) socket.off(name, listener);
			resolve(event);
		};
		for (const [name, listener] of listeners) socket.on(name, listener);
	});
}

function codeOf(error: Error | null): string | undefined {
	return error && 'code' in error ? `(${String(error.code)})` : undefined;
}

function ignore(): void {}

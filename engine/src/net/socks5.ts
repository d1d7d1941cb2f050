/**
 * The client's side of a SOCKS5 handshake (RFC 1928), with a user and a password where there are
 * any (RFC 1929). A name is sent as a name: the proxy resolves it, nobody here does.
 *
 *   ──▶ the methods we know          ◀── the one to use, or none
 *   ──▶ user, password               ◀── taken or not              (only if it chose that)
 *   ──▶ connect to host and port     ◀── done or why not, and an address that says nothing to us
 *
 * Answers are read byte for byte as long as they are, so that what follows stays in the socket.
 */
import ipaddr from 'ipaddr.js';
import { isIP, type Socket } from 'node:net';
import type { ProxyCredentials } from '../domain/proxy-url.ts';
import type { Target } from './allow-list.ts';
import { ProxyFault, type ProxyFailure } from './proxy-fault.ts';

const VERSION = 5;
const LOGIN_VERSION = 1;
const METHOD = { open: 0, login: 2, none: 0xff } as const;
const CONNECT = 1;
const ADDRESS = { v4: 1, name: 3, v6: 4 } as const;
const PORT_BYTES = 2;

const NEWS = ['readable', 'end', 'close'] as const;

/** Leaves the socket connected to the target. Does not give up by itself: destroy the socket. */
export async function connectBySocks5(
	socket: Socket,
	target: Target,
	credentials: ProxyCredentials | null,
): Promise<void> {
	const methods = credentials ? [METHOD.open, METHOD.login] : [METHOD.open];
	socket.write(Buffer.from([VERSION, methods.length, ...methods]));
	const [version, method] = await take(socket, 2);
	if (version !== VERSION) throw ProxyFault.failed('not_a_proxy');
	if (method === METHOD.none) throw ProxyFault.failed('credentials_refused');
	if (method === METHOD.login && credentials) await logIn(socket, credentials);
	else if (method !== METHOD.open) throw ProxyFault.failed('not_a_proxy');

	socket.write(Buffer.from([VERSION, CONNECT, 0, ...encodeAddress(target)]));
	const [replyVersion, reply, , addressType] = await take(socket, 4);
	if (replyVersion !== VERSION) throw ProxyFault.failed('not_a_proxy');
	if (reply !== 0) throw ProxyFault.failed('target_unreachable', `Its SOCKS5 reply was ${reply}.`);
	await skipAddress(socket, addressType);
}

async function logIn(socket: Socket, { user, password }: ProxyCredentials): Promise<void> {
	const message = [user, password].flatMap((text) => [
		Buffer.byteLength(text),
		...Buffer.from(text),
	]);
	socket.write(Buffer.from([LOGIN_VERSION, ...message]));
	// Some proxies close the connection instead of saying no.
	const [, status] = await take(socket, 2, 'credentials_refused');
	if (status !== 0) throw ProxyFault.failed('credentials_refused');
}

function encodeAddress({ host, port }: Target): number[] {
	const portBytes = [port >> 8, port & 0xff];
	const family = isIP(host);
	if (family === 0)
		return [ADDRESS.name, Buffer.byteLength(host), ...Buffer.from(host), ...portBytes];
	const type = family === 4 ? ADDRESS.v4 : ADDRESS.v6;
	return [type, ...ipaddr.parse(host).toByteArray(), ...portBytes];
}

async function skipAddress(socket: Socket, type: number | undefined): Promise<void> {
	if (type === ADDRESS.name) {
		const [length = 0] = await take(socket, 1);
		await take(socket, length + PORT_BYTES);
	} else if (type === ADDRESS.v4 || type === ADDRESS.v6) {
		await take(socket, (type === ADDRESS.v4 ? 4 : 16) + PORT_BYTES);
	} else {
		throw ProxyFault.failed('not_a_proxy');
	}
}

/** Exactly so many bytes. `otherwise` is what it means when the connection ends before. */
function take(
	socket: Socket,
	size: number,
	otherwise: ProxyFailure = 'not_a_proxy',
): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		// One set of listeners for all the pieces: a new one would be told at once, again and again,
		// of a piece that is too short.
		const look = (): void => {
			const bytes = socket.read(size) as Buffer | null;
			const isWhole = bytes?.length === size;
			if (!isWhole && socket.readable) return;
			for (const event of NEWS) socket.off(event, look);
			if (isWhole) resolve(bytes);
			else reject(ProxyFault.failed(otherwise));
		};
		for (const event of NEWS) socket.on(event, look);
		look();
	});
}

import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/**
 * Tells which address a request went to. undici names no socket to the handler of a request, but
 * announces request and socket when it sends the headers; the body, one object per request, says
 * which request it is.
 */
const waiting = new WeakMap<Uint8Array, (address: string) => void>();

subscribe('undici:client:sendHeaders', (message) => {
	const { request, socket } = message as { request: { body: unknown }; socket: Socket };
	if (!(request.body instanceof Uint8Array)) return;
	const { remoteAddress } = socket;
	if (remoteAddress !== undefined) waiting.get(request.body)?.(remoteAddress);
});

/** Calls `tell` with the IP address when the request with this body is sent, however it then ends. */
export function whenConnected(body: Uint8Array, tell: (address: string) => void): void {
	waiting.set(body, tell);
}

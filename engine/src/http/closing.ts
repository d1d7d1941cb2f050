import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { EngineError } from '../domain/errors.ts';

/** How long requests under way may take to finish once the engine is told to stop. */
const GRACE_MS = 10_000;

/**
 * Lets requests under way finish when the server closes, and turns away those that come in
 * meanwhile.
 *
 * Node closes a connection that waits for its next request, but neither one that never carried a
 * request nor one that takes for ever: its own time limits end with the listening. So the former
 * are cut at once, and whatever is left after a grace.
 */
export function closeGently(app: FastifyInstance): void {
	const unused = new Set<Socket>();
	let isClosing = false;

	app.server.on('connection', (socket: Socket) => {
		unused.add(socket);
		socket.once('close', () => unused.delete(socket));
	});
	app.server.on('request', ({ socket }) => unused.delete(socket));

	app.addHook('preClose', (done) => {
		isClosing = true;
		for (const socket of unused) socket.destroy();
		const grace = setTimeout(() => {
			app.server.closeAllConnections();
		}, GRACE_MS);
		app.server.once('close', () => {
			clearTimeout(grace);
		});
		done();
	});
	app.addHook('onRequest', (_request, _reply, done) => {
		done(isClosing ? new EngineError('shutting_down') : undefined);
	});
	app.addHook('onSend', (_request, reply, payload, done) => {
		if (isClosing) reply.header('connection', 'close');
		done(null, payload);
	});
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { MAX_FRAME_BYTES } from './connection.ts';

const HOST = '127.0.0.1';
const PATH = '/ws/chat';
const LONGEST_LABEL = 200;
const REFUSAL =
	'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** The network's port: on the loopback interface only, for it believes whoever speaks to it. */
export class Listener {
	readonly #accept: (socket: WebSocket, label: string | null) => void;
	readonly #server: Server;
	readonly #sockets = new WebSocketServer({
		noServer: true,
		maxPayload: MAX_FRAME_BYTES,
		perMessageDeflate: false,
	});
	/** How many upgrades are still refused, by label; the empty one is for those without. */
	readonly #refusals = new Map<string, number>();

	constructor(accept: (socket: WebSocket, label: string | null) => void) {
		this.#accept = accept;
		this.#server = createServer((_request, response) => {
			response.writeHead(426, { Connection: 'close' }).end();
		});
		this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
	}

	get url(): string {
		return `ws://${HOST}:${(this.#server.address() as AddressInfo).port}${PATH}`;
	}

	async start(port: number): Promise<void> {
		this.#server.listen(port, HOST);
		await once(this.#server, 'listening');
	}

	async stop(): Promise<void> {
		for (const socket of this.#sockets.clients) socket.terminate();
		this.#sockets.close();
		const closed = once(this.#server, 'close');
		this.#server.close();
		this.#server.closeAllConnections();
		await closed;
	}

	/** Answers the next upgrades under this label by HTTP 503. */
	refuse(label: string | null, upgrades: number): void {
		this.#refusals.set(label ?? '', upgrades);
	}

	#upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		// A client that is refused may hang up first, and nobody else listens to its socket.
		const hungUp = () => socket.destroy();
		socket.on('error', hungUp);
		const url = URL.parse(request.url ?? '/', `ws://${HOST}`);
		if (!url) {
			hungUp();
			return;
		}
		const label = url.searchParams.get('device')?.slice(0, LONGEST_LABEL) || null;
		const refusals = this.#refusals.get(label ?? '') ?? 0;
		if (refusals > 0) {
			this.#refusals.set(label ?? '', refusals - 1);
			socket.end(REFUSAL);
			return;
		}
		socket.off('error', hungUp);
		this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#accept(opened, label));
	}
}

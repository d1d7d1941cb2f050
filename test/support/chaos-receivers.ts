import { once } from 'node:events';
import {
	createServer,
	type IncomingHttpHeaders,
	type Server,
	type ServerResponse,
} from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import type { Chance } from './chaos-chance.ts';

/** What a receiver does with a request. */
export type Answer =
	{ readonly status: number; readonly afterMs?: number } | 'reset the connection' | 'nothing';

export interface Arrival {
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
	readonly eventId: string;
	readonly deliveryId: string;
	readonly attempt: number;
	/** Its place among the arrivals and answers of this receiver. */
	readonly arrivedAt: number;
	answeredAt: number | undefined;
	status: number | undefined;
}

/** Longer than the engine keeps an idle connection, so that none closes under a request. */
const KEEP_ALIVE_MS = 60_000;

export const prompt = (): Answer => ({ status: 200 });

export const hanging = (): Answer => 'nothing';

export function slow(chance: Chance): () => Answer {
	return () => ({ status: 200, afterMs: chance.between(50, 300) });
}

/** Works for a while, then fails in one way for a while, and so on. */
export function flapping(chance: Chance): () => Answer {
	const faults = [{ status: 500 }, { status: 404 }, 'reset the connection'] as const;
	let answer: Answer = { status: 200 };
	let until = 0;
	return () => {
		const now = Date.now();
		if (now >= until) {
			const isWorking =
				answer !== 'reset the connection' && answer !== 'nothing' && answer.status === 200;
			answer = isWorking ? chance.pick(faults) : { status: 200 };
			until = now + chance.between(200, 1_500);
		}
		return answer;
	};
}

/** A receiver with a manner of its own, which remembers what it was sent and how it answered. */
export class ChaosReceiver {
	readonly arrivals: Arrival[] = [];
	/** The ids of the received messages among the events. */
	readonly messages = new Set<string>();
	readonly #server: Server;
	#steps = 0;

	constructor(manner: () => Answer) {
		this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
			const chunks: Buffer[] = [];
			request.on('data', (chunk: Buffer) => chunks.push(chunk));
			request.on('end', () => {
				const arrival = this.#noted(request.headers, Buffer.concat(chunks).toString('utf8'));
				this.#answer(response, arrival, manner());
			});
		});
	}

	async start(): Promise<this> {
		await once(this.#server.listen(0, '127.0.0.1'), 'listening');
		return this;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	/** Lets go of every request that it holds. */
	async stop(): Promise<void> {
		if (!this.#server.listening) return;
		const closed = once(this.#server, 'close');
		this.#server.close();
		this.#server.closeAllConnections();
		await closed;
	}

	#noted(headers: IncomingHttpHeaders, body: string): Arrival {
		const arrival: Arrival = {
			headers,
			body,
			eventId: String(headers['x-whatisup-event-id']),
			deliveryId: String(headers['x-whatisup-delivery-id']),
			attempt: Number(headers['x-whatisup-attempt']),
			arrivedAt: this.#steps++,
			answeredAt: undefined,
			status: undefined,
		};
		this.arrivals.push(arrival);
		if (headers['x-whatisup-event'] === 'message.received') this.messages.add(arrival.eventId);
		return arrival;
	}

	#answer(response: ServerResponse, arrival: Arrival, answer: Answer): void {
		if (answer === 'nothing') return;
		if (answer === 'reset the connection') {
			response.socket?.resetAndDestroy();
			return;
		}
		const { status, afterMs = 0 } = answer;
		const respond = () => {
			arrival.answeredAt = this.#steps++;
			arrival.status = status;
			response.writeHead(status).end();
		};
		if (afterMs === 0) respond();
		else setTimeout(respond, afterMs);
	}
}

/**
 * A port on which nothing listens, and nobody else will: it is the near end of a connection, so
 * the system gives it to no one.
 */
export class RefusingPort {
	readonly #server = createTcpServer();
	#socket: Socket | undefined;

	async start(): Promise<this> {
		await once(this.#server.listen(0, '127.0.0.1'), 'listening');
		const { port } = this.#server.address() as AddressInfo;
		this.#socket = connect({ port, host: '127.0.0.1' });
		await once(this.#socket, 'connect');
		return this;
	}

	get port(): number {
		return this.#socket!.localPort!;
	}

	async stop(): Promise<void> {
		if (!this.#server.listening) return;
		const closed = once(this.#server, 'close');
		this.#socket?.destroy();
		this.#server.close();
		await closed;
	}
}

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedWebhook {
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
	readonly json: {
		event: string;
		event_id: string;
		sequence: number;
		data: Record<string, unknown>;
	};
}

/** A real receiver of webhooks: keeps what it got and answers as it is told. */
export class Receiver {
	readonly received: ReceivedWebhook[] = [];
	/** What to answer; `undefined` leaves the request open. */
	answer: (webhook: ReceivedWebhook) => number | undefined = () => 200;
	readonly #server: Server;

	constructor() {
		this.#server = createServer((request, response) => {
			const chunks: Buffer[] = [];
			request.on('data', (chunk: Buffer) => chunks.push(chunk));
			request.on('end', () => {
				const body = Buffer.concat(chunks).toString('utf8');
				const webhook: ReceivedWebhook = {
					headers: request.headers,
					body,
					json: JSON.parse(body) as ReceivedWebhook['json'],
				};
				this.received.push(webhook);
				const status = this.answer(webhook);
				if (status !== undefined) response.writeHead(status).end();
			});
		});
	}

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.port}/hook`;
	}

	of(event: string): ReceivedWebhook[] {
		return this.received.filter(({ json }) => json.event === event);
	}

	/** Ends the requests that were left open. */
	hangUp(): void {
		this.#server.closeAllConnections();
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
	}
}

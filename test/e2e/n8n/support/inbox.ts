import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { patiently } from './patiently.ts';

export interface Mail {
	readonly path: string;
	readonly type: string | undefined;
	readonly body: Buffer;
}

/** Takes whatever is sent to it, in the place of the services that users put there. */
export class Inbox {
	readonly mail: Mail[] = [];
	readonly #server: Server;

	constructor() {
		this.#server = createServer(async (request, response) => {
			const body = Buffer.concat(await request.toArray());
			this.mail.push({ path: request.url ?? '', type: request.headers['content-type'], body });
			response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
		});
	}

	async start(): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		return this;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	/** The latest that was sent to a path, once something was. */
	gets(path: string): Promise<Mail> {
		return patiently(`something at ${path}`, async () =>
			this.mail.findLast((one) => one.path === path),
		);
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, 'close');
	}
}

import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call, byte for byte. */
export interface RecordedCall {
	readonly method: string;
	readonly path: string;
	/** Names and values in turn, in the order and the spelling of the wire. */
	readonly rawHeaders: readonly string[];
	readonly body: Buffer;
}

export interface Answer {
	readonly status: number;
	readonly body: Buffer;
}

const LOST: Answer = { status: 504, body: Buffer.from('') };

/**
 * Stands between the engine and n8n, as a reverse proxy does: passes every call on unchanged, and
 * remembers it together with n8n's answer.
 */
export class RecordingProxy {
	readonly calls: (RecordedCall & { readonly answer: Answer })[] = [];
	#losesNextAnswer = false;
	readonly #target: number;
	readonly #server: Server;

	constructor(targetPort: number) {
		this.#target = targetPort;
		this.#server = createServer(async (incoming, response) => {
			const { method = '', url: path = '', rawHeaders } = incoming;
			const call = { method, path, rawHeaders, body: Buffer.concat(await incoming.toArray()) };
			try {
				const answer = await this.send(call);
				this.calls.push({ ...call, answer });
				const { status, body } = this.#losesNextAnswer ? LOST : answer;
				this.#losesNextAnswer = false;
				response.writeHead(status).end(body);
			} catch {
				response.writeHead(502).end();
			}
		});
	}

	async start(): Promise<this> {
		this.#server.listen(0, '127.0.0.1');
		await once(this.#server, 'listening');
		return this;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
	}

	/** Lets the next call reach n8n, and its caller believe that it did not. */
	loseNextAnswer(): void {
		this.#losesNextAnswer = true;
	}

	/** Sends a call to n8n as it stands, `content-length` and all. */
	async send({ method, path, rawHeaders, body }: RecordedCall): Promise<Answer> {
		const target = { host: '127.0.0.1', port: this.#target, agent: false };
		const outgoing = request({ ...target, method, path, headers: rawHeaders }).end(body);
		const [response] = await once(outgoing, 'response');
		return { status: response.statusCode, body: Buffer.concat(await response.toArray()) };
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, 'close');
	}
}

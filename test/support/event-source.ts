import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { eventually } from './system.ts';

export interface StreamedEvent {
	readonly id: string;
	readonly data: string;
}

export interface EventSourceOptions {
	readonly headers?: Readonly<Record<string, string>>;
	/** Leaves what arrives unread. */
	readonly isDeaf?: boolean;
}

/** Reads Server-Sent Events with nothing but Node, and keeps all that it was sent. */
export class EventSourceReader {
	readonly status: number;
	readonly headers: IncomingMessage['headers'];
	/** What arrived, byte for byte. */
	text = '';
	readonly events: StreamedEvent[] = [];
	/** Whether the other end has closed the connection, and whether it had said all before. */
	end: 'open' | 'whole' | 'broken' = 'open';
	readonly #request: ClientRequest;
	readonly #response: IncomingMessage;
	readonly #blocks: string[] = [];
	#begun = '';

	static async open(url: string, options: EventSourceOptions = {}): Promise<EventSourceReader> {
		const outgoing = request(url, { headers: options.headers ?? {}, agent: false });
		const response = await new Promise<IncomingMessage>((resolve, reject) => {
			outgoing.once('response', resolve);
			outgoing.once('error', reject);
			outgoing.end();
		});
		return new EventSourceReader(outgoing, response, options.isDeaf ?? false);
	}

	private constructor(outgoing: ClientRequest, response: IncomingMessage, isDeaf: boolean) {
		this.#request = outgoing;
		this.status = response.statusCode!;
		this.headers = response.headers;
		outgoing.on('error', () => undefined);
		response.on('error', () => undefined);
		response.on('close', () => {
			this.end = response.complete ? 'whole' : 'broken';
		});
		this.#response = response;
		if (!isDeaf) this.#read();
	}

	get comments(): string[] {
		return this.#blocks.flatMap((block) => /^: (.*)$/m.exec(block)?.[1] ?? []);
	}

	/** What a deaf reader had been sent, once it has all of it; the last event among it. */
	async listen(): Promise<{ readonly lastId: string | undefined }> {
		this.#read();
		await eventually(() => this.end !== 'open', { what: 'the end of the stream' });
		return { lastId: this.events.at(-1)?.id };
	}

	async until(count: number): Promise<this> {
		await eventually(() => this.events.length >= count, { what: `event ${count} in the stream` });
		return this;
	}

	close(): void {
		this.#request.destroy();
	}

	#read(): void {
		this.#response.setEncoding('utf8');
		this.#response.on('data', (chunk: string) => {
			this.text += chunk;
			this.#take(chunk);
		});
	}

	/** A block has arrived whole when an empty line ends it. */
	#take(chunk: string): void {
		const blocks = `${this.#begun}${chunk}`.split('\n\n');
		this.#begun = blocks.pop()!;
		this.#blocks.push(...blocks);
		for (const block of blocks) {
			const [, id] = /^id: (.*)$/m.exec(block) ?? [];
			const [, data] = /^data: (.*)$/m.exec(block) ?? [];
			if (id !== undefined && data !== undefined) this.events.push({ id, data });
		}
	}
}

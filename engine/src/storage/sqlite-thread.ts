import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface SqliteFile {
	readonly path: string;
	/** How long a write waits for another program that writes to the file. */
	readonly busyTimeoutMs: number;
}

export interface Statement {
	readonly text: string;
	readonly parameters: readonly unknown[];
	/** A transaction begins before it. If that fails, so does the statement, and it is not run. */
	readonly begins: boolean;
}

export interface Outcome {
	readonly rows: readonly unknown[];
	/** Rows that were written. */
	readonly changes: number;
}

export type Reply = Outcome | { readonly error: Error; readonly details: object };

interface Waiting {
	readonly resolve: (outcome: Outcome) => void;
	readonly reject: (error: Error) => void;
}

/** Beside this file, which is TypeScript where the sources run as they are. */
const WORKER = new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url);

/**
 * An SQLite file in a thread of its own: that is where a commit waits for the disk, while sessions
 * and requests are served here. A fault that ends the thread ends the process, as it would have
 * done without the thread; every commit that was answered is on the disk.
 */
export class SqliteThread {
	readonly #worker: Worker;
	/** The thread answers in the order in which it was asked. */
	readonly #waiting: Waiting[] = [];
	#closing: Promise<void> | undefined;

	/** Throws what SQLite throws when it cannot open the file. */
	static async open(file: SqliteFile): Promise<SqliteThread> {
		const thread = new SqliteThread(file);
		try {
			await thread.#reply();
			return thread;
		} catch (error) {
			await thread.#worker.terminate();
			throw error;
		}
	}

	private constructor(file: SqliteFile) {
		this.#worker = new Worker(WORKER, { workerData: file });
		this.#worker.on('message', (reply: Reply) => {
			const { resolve, reject } = this.#waiting.shift()!;
			if ('error' in reply) reject(Object.assign(reply.error, reply.details));
			else resolve(reply);
		});
	}

	/** What is asked is done in the order of asking. Throws what SQLite throws. */
	run({ text, parameters, begins }: Statement): Promise<Outcome> {
		if (this.#closing) return Promise.reject(new Error('The database is closed.'));
		this.#worker.postMessage({ text, parameters: parameters.map(compact), begins });
		return this.#reply();
	}

	/** Does what was asked until now, then closes the file. May be called again. */
	async close(): Promise<void> {
		this.#closing ??= this.#close();
		await this.#closing;
	}

	async #close(): Promise<void> {
		this.#worker.postMessage('close');
		try {
			await this.#reply();
		} finally {
			await this.#worker.terminate();
		}
	}

	#reply(): Promise<Outcome> {
		return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
	}
}

/** Bytes travel with all the memory that they are a view of, and small ones share a large piece. */
function compact(value: unknown): unknown {
	if (!(value instanceof Uint8Array) || value.byteLength === value.buffer.byteLength) return value;
	return new Uint8Array(value);
}

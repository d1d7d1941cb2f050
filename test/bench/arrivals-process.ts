import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

interface Call {
	readonly id: number;
	readonly method: string;
	readonly args: readonly unknown[];
}

interface Answer {
	readonly id: number;
	readonly value?: unknown;
	readonly error?: string;
}

/** What a process can be asked for, by name. */
export type Answers<T> = {
	readonly [K in keyof T]: (...args: never[]) => unknown;
};

/**
 * A module in a process of its own, and its functions as if they were here. So that what one part
 * of a measurement takes from the processor is not taken from another part's event loop.
 */
export class CalledProcess<T extends Answers<T>> {
	readonly #child: ChildProcess;
	readonly #exited: Promise<unknown>;
	readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
	#calls = 0;

	/** `main`: a module beside this one. */
	constructor(main: string) {
		const file = new URL(main, import.meta.url).pathname;
		this.#child = fork(file, { serialization: 'advanced' });
		this.#exited = once(this.#child, 'exit');
		this.#child.on('message', (answer: Answer) => this.#settle(answer));
		this.#child.on('exit', () => {
			for (const { reject } of this.#waiting.values()) reject(new Error(`${main} is gone`));
		});
	}

	call<K extends keyof T & string>(
		method: K,
		...args: Parameters<T[K]>
	): Promise<Awaited<ReturnType<T[K]>>> {
		const id = this.#calls++;
		const waiting = Promise.withResolvers<unknown>();
		this.#waiting.set(id, waiting);
		this.#child.send({ id, method, args } satisfies Call);
		return waiting.promise as Promise<Awaited<ReturnType<T[K]>>>;
	}

	async stop(): Promise<void> {
		if (this.#child.connected) this.#child.disconnect();
		await this.#exited;
	}

	#settle({ id, value, error }: Answer): void {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (error === undefined) waiting?.resolve(value);
		else waiting?.reject(new Error(error));
	}
}

/** The other end: answers the parent until it lets go, and ends with it. */
export function answerCalls<T extends Answers<T>>(answers: T): void {
	process.on('message', async ({ id, method, args }: Call) => {
		try {
			const value: unknown = await answers[method as keyof T](...(args as never[]));
			process.send?.({ id, value } satisfies Answer);
		} catch (error) {
			process.send?.({ id, error: String(error) } satisfies Answer);
		}
	});
	process.once('disconnect', () => process.exit(0));
}

/** Unix milliseconds with fractions: the same clock in every process of a machine. */
export function preciseNow(): number {
	return performance.timeOrigin + performance.now();
}

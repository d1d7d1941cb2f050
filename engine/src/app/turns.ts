import type { InstanceId } from '../domain/ids.ts';
import type { Log } from './ports.ts';

/** One queue per instance: what is done to an instance is done before the next thing begins. */
export class Turns {
	readonly #log: Log;
	readonly #last = new Map<InstanceId, Promise<unknown>>();

	constructor(log: Log) {
		this.#log = log;
	}

	/** Runs `work` after everything that was taken for the instance before it. */
	take<T>(id: InstanceId, work: () => Promise<T>): Promise<T> {
		const run = (this.#last.get(id) ?? Promise.resolve()).then(work, work);
		this.#last.set(id, run);
		const forget = () => {
			if (this.#last.get(id) === run) this.#last.delete(id);
		};
		run.then(forget, forget);
		return run;
	}

	/** The same for work that nobody waits for. */
	takeDetached(id: InstanceId, work: () => Promise<unknown>): void {
		this.take(id, work).catch((error: unknown) => {
			this.#log.error({ instance_id: id, error: String(error) }, 'an input to an instance failed');
		});
	}
}

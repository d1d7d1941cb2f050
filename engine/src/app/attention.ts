import { afterAlert } from '../domain/attention.ts';
import { attentionEvent } from './instance-events.ts';
import type { Appended, Clock, Instance, Log, Storage } from './ports.ts';

export interface AttentionOptions {
	readonly storage: Storage;
	readonly clock: Clock;
	readonly log: Log;
	/** Events were written, and these endpoints have something to receive. */
	readonly announce: (appended: Appended) => void;
}

const SWEEP_MS = 15_000;
const SWEEP_LIMIT = 100;

/** Repeats, less and less often, that an instance waits for a person. The first alert is not its. */
export class AttentionSweeper {
	readonly #options: AttentionOptions;
	#cancel: (() => void) | undefined;

	constructor(options: AttentionOptions) {
		this.#options = options;
	}

	start(): void {
		this.#cancel = this.#options.clock.after(SWEEP_MS, () => {
			this.sweep()
				.catch((error: unknown) => {
					this.#options.log.error({ error: String(error) }, 'alerts could not be given');
				})
				.finally(() => {
					if (this.#cancel) this.start();
				});
		});
	}

	stop(): void {
		this.#cancel?.();
		this.#cancel = undefined;
	}

	/** Gives every alert that is due. */
	async sweep(): Promise<void> {
		const { storage, clock } = this.#options;
		const due = await storage.instances.listAttentionDue(clock.now(), SWEEP_LIMIT);
		for (const instance of due) await this.#alert(instance);
	}

	async #alert({ id }: Instance): Promise<void> {
		const { storage, clock, announce } = this.#options;
		const at = clock.now();
		const appended = await storage.transaction(async (stores) => {
			const instance = await stores.instances.findAny(id);
			// Somebody may have acted since the list was read.
			if (!instance?.attentionDueAt || instance.attentionDueAt > at) return [];
			const level = instance.attentionLevel + 1;
			const { dueAt } = afterAlert(level, at);
			await stores.instances.change(id, { attentionLevel: level, attentionDueAt: dueAt }, at);
			const event = attentionEvent(instance.status, { level, since: instance.statusSince, at });
			return stores.events.append(id, [event], at);
		});
		announce(appended);
	}
}

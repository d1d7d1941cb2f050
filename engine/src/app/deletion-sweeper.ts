import type { Clock, Dispatching, Endpoint, IdSource, Log, Storage } from './ports.ts';

export interface DeletionSweeperOptions {
	readonly storage: Storage;
	readonly dispatching: Pick<Dispatching, 'reset'>;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
}

const SWEEP_MS = 2_000;
const SWEEP_LIMIT = 100;

/** Deletes the webhook endpoints whose notice is over, unless their deletion was called off. */
export class DeletionSweeper {
	readonly #options: DeletionSweeperOptions;
	#cancel: (() => void) | undefined;
	#sweeping: Promise<void> = Promise.resolve();

	constructor(options: DeletionSweeperOptions) {
		this.#options = options;
	}

	start(): void {
		this.#cancel = this.#options.clock.after(SWEEP_MS, () => {
			this.#sweeping = this.sweep()
				.catch((error: unknown) => {
					this.#options.log.error({ error: String(error) }, 'endpoints could not be deleted');
				})
				.finally(() => {
					if (this.#cancel) this.start();
				});
		});
	}

	/** Waits for the deletion that is under way; the rest comes after the next start. */
	async stop(): Promise<void> {
		this.#cancel?.();
		this.#cancel = undefined;
		await this.#sweeping;
	}

	async sweep(): Promise<void> {
		const { storage, clock } = this.#options;
		for (const endpoint of await storage.endpoints.listToDelete(clock.now(), SWEEP_LIMIT)) {
			await this.#remove(endpoint);
		}
	}

	async #remove({ id, customerId }: Endpoint): Promise<void> {
		const { storage, dispatching, ids, clock } = this.#options;
		const at = clock.now();
		const isRemoved = await storage.transaction(async (stores) => {
			// Somebody may have called it off since the list was read.
			if (!(await stores.endpoints.removeDue(id, at))) return false;
			await stores.audit.add({
				id: ids.next('aud'),
				customerId,
				instanceId: null,
				action: 'endpoint.deleted',
				details: { endpoint_id: id },
				at,
				correlationId: null,
			});
			return true;
		});
		if (isRemoved) dispatching.reset(id);
	}
}

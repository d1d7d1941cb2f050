import type { DeliveryId } from '../domain/ids.ts';
import type { Clock, Dispatching, Endpoint, Log, Replay, Storage } from './ports.ts';

export interface ReplayRunnerOptions {
	readonly storage: Storage;
	readonly dispatching: Pick<Dispatching, 'wake' | 'circuit'>;
	readonly clock: Clock;
	readonly log: Log;
}

const PERIOD_MS = 1_000;

/** An endpoint with as many deliveries due has enough to do; one with a pace has with a second's. */
const MANY_DUE = 100;

/**
 * Drains the replays that run. Each second it makes at most a second's worth of each one's
 * deliveries due, oldest first, and notes in the same commit how far it came. So a replay goes on
 * where it was after a restart, whoever started it.
 *
 * A replay waits while its endpoint has much to do or does not answer: deliveries that are due
 * would only get into the way of new ones and use up their attempts.
 */
export class ReplayRunner {
	readonly #options: ReplayRunnerOptions;
	#cancel: (() => void) | undefined;
	#pass: Promise<void> = Promise.resolve();

	constructor(options: ReplayRunnerOptions) {
		this.#options = options;
	}

	start(): void {
		this.#cancel = this.#options.clock.after(PERIOD_MS, () => {
			this.#pass = this.runOnce()
				.catch((error: unknown) => {
					this.#options.log.error({ error: String(error) }, 'replays could not be read');
				})
				.finally(() => {
					if (this.#cancel) this.start();
				});
		});
	}

	/** Waits for the commit that is under way. */
	async stop(): Promise<void> {
		this.#cancel?.();
		this.#cancel = undefined;
		await this.#pass;
	}

	/** One second's worth of every replay. */
	async runOnce(): Promise<void> {
		const { storage, log } = this.#options;
		for (const replay of await storage.replays.listRunning()) {
			try {
				await this.#step(replay);
			} catch (error) {
				log.error({ replay_id: replay.id, error: String(error) }, 'a replay could not go on');
			}
		}
	}

	async #step(replay: Replay): Promise<void> {
		const { storage, dispatching } = this.#options;
		const { endpointId, filter, cursor } = replay;
		const endpoint = await storage.endpoints.findAny(endpointId);
		if (!endpoint) return this.#fail(replay, 'endpoint_deleted');
		if (!endpoint.enabled) return this.#fail(replay, 'endpoint_disabled');
		const limit = await this.#allowance(replay, endpoint);
		if (limit === 0) return;
		const page = { after: cursor, limit };
		const ids = await storage.deliveries.listForReplay(endpointId, filter, page);
		const due = await this.#advance(replay, ids, ids.length < limit);
		if (due > 0) dispatching.wake([endpointId]);
	}

	async #allowance(replay: Replay, endpoint: Endpoint): Promise<number> {
		const { storage, dispatching } = this.#options;
		const { deliveries } = storage;
		const { id: endpointId, customerId, mode } = endpoint;
		if (dispatching.circuit(endpointId).state !== 'closed') {
			// With nothing to send, no probe would ever tell that the receiver is back.
			return (await deliveries.countUnsettled(endpointId, 1)) === 0 ? 1 : 0;
		}
		const many = manyFor(endpoint);
		const some = Math.min(replay.maxPerSecond, many);
		if ((await deliveries.countUnsettled(endpointId, many)) < many) return some;
		// Retries of what its receiver cannot take are planned for later, and in nobody's way.
		const pending = await deliveries.list(
			{ customerId, mode },
			{ endpointId, status: 'pending' },
			{ limit: many },
		);
		const areAll = pending.next === undefined && pending.deliveries.length < many;
		return areAll ? some : 0;
	}

	/** Answers how many are due; none when the replay was cancelled meanwhile. */
	async #advance(
		{ id, redelivered, skipped, ...replay }: Replay,
		ids: readonly DeliveryId[],
		isLast: boolean,
	): Promise<number> {
		const { storage, clock } = this.#options;
		const now = clock.now();
		return storage.transaction(async (stores) => {
			const cursor = ids.at(-1) ?? replay.cursor;
			if (!(await stores.replays.advance(id, { cursor }, now))) return 0;
			const due = (await stores.deliveries.redeliver(ids, now)).length;
			const counts = { redelivered: redelivered + due, skipped: skipped + ids.length - due };
			const end = isLast ? ({ status: 'completed', finishedAt: now } as const) : {};
			await stores.replays.advance(id, { ...counts, ...end }, now);
			return due;
		});
	}

	async #fail({ id }: Replay, error: string): Promise<void> {
		const { storage, clock, log } = this.#options;
		const now = clock.now();
		await storage.replays.advance(id, { status: 'failed', error, finishedAt: now }, now);
		log.warn({ replay_id: id, reason: error }, 'a replay ended early');
	}
}

/** What is replayed is older than all that is new, and goes out ahead of it. */
function manyFor({ maxPerSecond }: Endpoint): number {
	return maxPerSecond === null ? MANY_DUE : Math.min(MANY_DUE, Math.ceil(maxPerSecond));
}

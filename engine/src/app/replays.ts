import { EngineError } from '../domain/errors.ts';
import type { EventName } from '../domain/events.ts';
import type { EndpointId, ReplayId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Clock, Endpoint, IdSource, Page, Replay, ReplayFilter, Storage } from './ports.ts';

export interface ReplaysOptions {
	readonly storage: Storage;
	readonly ids: IdSource;
	readonly clock: Clock;
}

export interface ReplayRange {
	readonly statuses: ReplayFilter['statuses'];
	/** Empty: all. */
	readonly events: readonly EventName[];
	/** Created at or after `from` and before `to`; by default all until now. */
	readonly from?: number | undefined;
	readonly to?: number | undefined;
}

/** What to replay: a range, or all that failed since the endpoint last worked. */
export type ReplayWish = ReplayRange | 'failed_since_it_worked';

export interface ReplayStart {
	readonly maxPerSecond: number;
	/** The request that asks for it. */
	readonly correlationId: string;
}

export interface ReplayCount {
	readonly total: number;
	/** False when there are more than were counted. */
	readonly isExact: boolean;
}

const MOST_COUNTED = 100_000;

/**
 * Many deliveries of an endpoint once more. A replay fixes at its start what it takes, and one runs
 * at a time, so none is sent twice by accident; `ReplayRunner` does the work.
 */
export class Replays {
	readonly #options: ReplaysOptions;

	constructor(options: ReplaysOptions) {
		this.#options = options;
	}

	/** How many deliveries a replay would take, without one. */
	async count(scope: Scope, endpointId: EndpointId, wish: ReplayWish): Promise<ReplayCount> {
		const endpoint = await this.#endpoint(scope, endpointId);
		return this.#count(endpoint, this.#toFilter(endpoint, wish));
	}

	async start(
		scope: Scope,
		endpointId: EndpointId,
		wish: ReplayWish,
		{ maxPerSecond, correlationId }: ReplayStart,
	): Promise<Replay> {
		const { storage, ids, clock } = this.#options;
		const endpoint = await this.#endpoint(scope, endpointId);
		if (!endpoint.enabled) throw new EngineError('endpoint_disabled');
		await this.#refuseSecond(endpointId);
		const filter = this.#toFilter(endpoint, wish);
		const { total } = await this.#count(endpoint, filter);
		const now = clock.now();
		const replay: Replay = {
			id: ids.next('rpl'),
			...scope,
			endpointId,
			filter,
			maxPerSecond,
			status: 'running',
			total,
			redelivered: 0,
			skipped: 0,
			cursor: null,
			error: null,
			createdAt: now,
			updatedAt: now,
			finishedAt: null,
		};
		const isAdded = await storage.transaction(async (stores) => {
			if (!(await stores.replays.add(replay))) return false;
			await stores.audit.add(this.#auditRow(replay, 'replay.started', correlationId));
			return true;
		});
		// Somebody else was faster while we counted.
		if (!isAdded) throw await this.#alreadyRunning(endpointId);
		return replay;
	}

	async get(scope: Scope, endpointId: EndpointId, id: ReplayId): Promise<Replay> {
		await this.#endpoint(scope, endpointId);
		const replay = await this.#options.storage.replays.find(endpointId, id);
		if (!replay) throw new EngineError('replay_not_found');
		return replay;
	}

	async list(scope: Scope, endpointId: EndpointId, page: Page): Promise<Replay[]> {
		await this.#endpoint(scope, endpointId);
		return this.#options.storage.replays.list(endpointId, page);
	}

	/** What is due already is sent; one that has ended stays as it is. */
	async cancel(
		scope: Scope,
		endpointId: EndpointId,
		id: ReplayId,
		correlationId: string,
	): Promise<Replay> {
		const { storage, clock } = this.#options;
		await this.get(scope, endpointId, id);
		const now = clock.now();
		await storage.transaction(async (stores) => {
			const end = { status: 'cancelled', finishedAt: now } as const;
			if (!(await stores.replays.advance(id, end, now))) return;
			const replay = await stores.replays.find(endpointId, id);
			await stores.audit.add(this.#auditRow(replay!, 'replay.cancelled', correlationId));
		});
		return this.get(scope, endpointId, id);
	}

	async #endpoint(scope: Scope, id: EndpointId): Promise<Endpoint> {
		const endpoint = await this.#options.storage.endpoints.find(scope, id);
		if (!endpoint) throw new EngineError('endpoint_not_found');
		return endpoint;
	}

	async #count({ id }: Endpoint, filter: ReplayFilter): Promise<ReplayCount> {
		const { deliveries } = this.#options.storage;
		const total = await deliveries.countForReplay(id, filter, MOST_COUNTED);
		return { total, isExact: total < MOST_COUNTED };
	}

	/** Takes what was made until now, this millisecond included, and nothing that comes later. */
	#toFilter({ workedUntil, createdAt }: Endpoint, wish: ReplayWish): ReplayFilter {
		const end = this.#options.clock.now() + 1;
		if (wish === 'failed_since_it_worked') {
			const settledFrom = workedUntil ?? createdAt;
			return { statuses: ['failed'], events: [], from: 0, to: end, settledFrom };
		}
		const { statuses, events, from = 0, to = end } = wish;
		// What is delivered for the first time while the replay runs is not sent twice.
		const range = { from, to: Math.min(to, end), settledFrom: null, deliveredBefore: end };
		return { statuses, events, ...range };
	}

	async #refuseSecond(endpointId: EndpointId): Promise<void> {
		if (await this.#findRunning(endpointId)) throw await this.#alreadyRunning(endpointId);
	}

	async #alreadyRunning(endpointId: EndpointId): Promise<EngineError> {
		const running = await this.#findRunning(endpointId);
		return new EngineError('replay_running', running ? { replay_id: running.id } : {});
	}

	async #findRunning(endpointId: EndpointId): Promise<Replay | undefined> {
		const running = await this.#options.storage.replays.listRunning();
		return running.find((replay) => replay.endpointId === endpointId);
	}

	#auditRow({ id, customerId, endpointId, ...replay }: Replay, action: string, cause: string) {
		const { ids, clock } = this.#options;
		return {
			id: ids.next('aud'),
			customerId,
			instanceId: null,
			action,
			details: {
				replay_id: id,
				endpoint_id: endpointId,
				statuses: replay.filter.statuses,
				total: replay.total,
				redelivered: replay.redelivered,
			},
			at: clock.now(),
			correlationId: cause,
		};
	}
}

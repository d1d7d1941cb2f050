import { sql, type Kysely, type Selectable } from 'kysely';
import type {
	Page,
	Replay,
	ReplayFilter,
	ReplayProgress,
	ReplayStatus,
	ReplayStore,
} from '../app/ports.ts';
import type { EndpointId, ReplayId } from '../domain/ids.ts';
import type { Schema, WebhookReplaysTable } from './schema.ts';

/** As text of the query: only so SQLite uses the index of those that run. */
const RUNNING = sql.lit<ReplayStatus>('running');

/** A unique index lets one replay of an endpoint run at a time, whoever adds the second. */
export class ReplaysRepository implements ReplayStore {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	async add(replay: Replay): Promise<boolean> {
		const { numInsertedOrUpdatedRows } = await this.#db
			.insertInto('webhook_replays')
			.values({
				id: replay.id,
				customer_id: replay.customerId,
				mode: replay.mode,
				endpoint_id: replay.endpointId,
				filter: JSON.stringify(replay.filter),
				max_per_second: replay.maxPerSecond,
				status: replay.status,
				total: replay.total,
				redelivered: replay.redelivered,
				skipped: replay.skipped,
				last_delivery_id: replay.cursor,
				error: replay.error,
				created_at: replay.createdAt,
				updated_at: replay.updatedAt,
				finished_at: replay.finishedAt,
			})
			.onConflict((conflict) =>
				conflict.column('endpoint_id').where('status', '=', RUNNING).doNothing(),
			)
			.executeTakeFirst();
		return numInsertedOrUpdatedRows === 1n;
	}

	async find(endpointId: EndpointId, id: ReplayId): Promise<Replay | undefined> {
		const row = await this.#db
			.selectFrom('webhook_replays')
			.selectAll()
			.where('id', '=', id)
			.where('endpoint_id', '=', endpointId)
			.executeTakeFirst();
		return row && toReplay(row);
	}

	async list(endpointId: EndpointId, { limit, before }: Page): Promise<Replay[]> {
		const rows = await this.#db
			.selectFrom('webhook_replays')
			.selectAll()
			.where('endpoint_id', '=', endpointId)
			.$if(before !== undefined, (query) => query.where('id', '<', before as ReplayId))
			.orderBy('id', 'desc')
			.limit(limit)
			.execute();
		return rows.map(toReplay);
	}

	async listRunning(): Promise<Replay[]> {
		const rows = await this.#db
			.selectFrom('webhook_replays')
			.selectAll()
			.where('status', '=', RUNNING)
			.orderBy('endpoint_id')
			.execute();
		return rows.map(toReplay);
	}

	async advance(id: ReplayId, progress: ReplayProgress, at: number): Promise<boolean> {
		const { cursor, finishedAt, ...rest } = progress;
		const { numUpdatedRows } = await this.#db
			.updateTable('webhook_replays')
			.set({
				...rest,
				...(cursor !== undefined && { last_delivery_id: cursor }),
				...(finishedAt !== undefined && { finished_at: finishedAt }),
				updated_at: at,
			})
			.where('id', '=', id)
			.where('status', '=', RUNNING)
			.executeTakeFirst();
		return numUpdatedRows === 1n;
	}
}

function toReplay(row: Selectable<WebhookReplaysTable>): Replay {
	return {
		id: row.id,
		customerId: row.customer_id,
		mode: row.mode,
		endpointId: row.endpoint_id,
		filter: JSON.parse(row.filter) as ReplayFilter,
		maxPerSecond: row.max_per_second,
		status: row.status,
		total: row.total,
		redelivered: row.redelivered,
		skipped: row.skipped,
		cursor: row.last_delivery_id,
		error: row.error,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
		finishedAt: row.finished_at,
	};
}

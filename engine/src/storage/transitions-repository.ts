import type { Kysely, Selectable } from 'kysely';
import type { Page, TimedTransition, Transition, TransitionStore } from '../app/ports.ts';
import type { InstanceId, TransitionId } from '../domain/ids.ts';
import type { IncidentRule } from '../domain/incident.ts';
import type { TimeRange } from '../domain/uptime.ts';
import { chunks } from './chunks.ts';
import { CONNECTED, type Schema, type TransitionsTable } from './schema.ts';

/**
 * How many drops near another one are looked at. When all of WhatsApp is gone there are thousands
 * near each; and no single instance comes back and drops so often within two minutes.
 */
const MOST_OTHER_DROPS = 200;

/** Every change of state, kept for good. How long a state lasted is read off the next row. */
export class TransitionsRepository implements TransitionStore {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	async add(transition: Transition): Promise<void> {
		await this.#db
			.insertInto('transitions')
			.values((eb) => ({
				id: transition.id,
				instance_id: transition.instanceId,
				mode: eb.selectFrom('instances').select('mode').where('id', '=', transition.instanceId),
				from_state: transition.from,
				to_state: transition.to,
				reason: transition.reason,
				close_code: transition.closeCode,
				at: transition.at,
			}))
			.execute();
	}

	async list(instanceId: InstanceId, { limit, before }: Page): Promise<TimedTransition[]> {
		const rows = await this.#db
			.selectFrom('transitions')
			.selectAll('transitions')
			.select((eb) =>
				eb
					.selectFrom('transitions as next')
					.select('next.at')
					.whereRef('next.instance_id', '=', 'transitions.instance_id')
					.whereRef('next.id', '>', 'transitions.id')
					.orderBy('next.id')
					.limit(1)
					.as('next_at'),
			)
			.where('instance_id', '=', instanceId)
			.$if(before !== undefined, (query) => query.where('id', '<', before as TransitionId))
			.orderBy('id', 'desc')
			.limit(limit)
			.execute();
		return rows.map((row) => ({
			...toTransition(row),
			// A clock that was set back makes no state last less than no time.
			durationMs: row.next_at === null ? null : Math.max(0, row.next_at - row.at),
		}));
	}

	/** Two halves, because no index serves a row that is in the range or the last one before it. */
	async listBetween(
		instanceIds: readonly InstanceId[],
		{ from, to }: TimeRange,
	): Promise<Transition[]> {
		if (instanceIds.length === 0) return [];
		const within = this.#db
			.selectFrom('transitions')
			.selectAll()
			.where('instance_id', 'in', instanceIds)
			.where('at', '>=', from)
			.where('at', '<', to);
		const before = this.#db
			.selectFrom('transitions')
			.selectAll()
			.where('id', 'in', (eb) =>
				eb
					.selectFrom('instances')
					.select((instance) =>
						instance
							.selectFrom('transitions as earlier')
							.select('earlier.id')
							.whereRef('earlier.instance_id', '=', 'instances.id')
							.where('earlier.at', '<', from)
							.orderBy('earlier.at', 'desc')
							.orderBy('earlier.id', 'desc')
							.limit(1)
							.$asScalar()
							.as('id'),
					)
					.where('instances.id', 'in', instanceIds),
			);
		const rows = await within.unionAll(before).orderBy('id').execute();
		return rows.map(toTransition);
	}

	/** One look into the index for each drop, which reads no further than it needs to. */
	async findInIncident(
		drops: readonly TransitionId[],
		{ otherInstances, withinMs }: IncidentRule,
	): Promise<ReadonlySet<TransitionId>> {
		const found = new Set<TransitionId>();
		for (const some of chunks(drops)) {
			const rows = await this.#db
				.selectFrom('transitions as drop')
				.select('drop.id')
				.where('drop.id', 'in', some)
				.where((eb) => {
					const near = eb
						.selectFrom('transitions as other')
						.select('other.instance_id')
						.where('other.from_state', '=', CONNECTED)
						.whereRef('other.mode', '=', 'drop.mode')
						.whereRef('other.reason', '=', 'drop.reason')
						.where('other.at', '>=', eb('drop.at', '-', withinMs))
						.where('other.at', '<=', eb('drop.at', '+', withinMs))
						.whereRef('other.instance_id', '!=', 'drop.instance_id')
						.limit(MOST_OTHER_DROPS)
						.as('near');
					const instances = eb
						.selectFrom(near)
						.select(({ fn }) => fn.count<number>('near.instance_id').distinct().as('instances'));
					return eb(instances, '>=', otherInstances);
				})
				.execute();
			for (const { id } of rows) found.add(id);
		}
		return found;
	}
}

function toTransition(row: Selectable<TransitionsTable>): Transition {
	return {
		id: row.id,
		instanceId: row.instance_id,
		from: row.from_state,
		to: row.to_state,
		reason: row.reason,
		closeCode: row.close_code,
		at: row.at,
	};
}

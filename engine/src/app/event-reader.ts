/**
 * Reads one customer's events as they are committed: each once, those of one instance in sequence.
 *
 * The order is that of the ids, which is that of time. On Postgres, though, transactions overtake
 * each other: an event with a lower id may become visible after one with a higher id has been read.
 * So what is younger than `lateMs` is read again in each round, and what was read there already is
 * passed over:
 *
 *   ── read, for good ──┬── seen so far: a b d …, c still to come ──▶ now
 *                     cursor                  (lateMs)
 *
 * The events of one instance cannot overtake each other: each takes its number and its id while it
 * holds the lock of the instance's row, so the earlier one is visible first.
 *
 * With a `lateMs` of 0 (SQLite, which commits one transaction after the other) the cursor is simply
 * the last event.
 */
import { firstIdAt, type EventId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Clock } from './ports.ts';
import type { EventStore, StoredEvent } from './webhook-ports.ts';

/** Rows per query. It bounds what one stream holds in memory, and how long a query takes. */
const PAGE_SIZE = 100;

/** No event becomes visible later than this after its id was made, whatever the clock does. */
const LONGEST_LATE_MS = 10_000;

/** Where a reader is: what it has read beyond the cursor, in the order in which it was read. */
export interface ReaderPosition {
	readonly cursor: EventId;
	readonly seen: readonly EventId[];
}

export interface EventReaderOptions {
	readonly events: EventStore;
	readonly clock: Clock;
	/** For how long after its id was made an event may still become visible; ten seconds at most. */
	readonly lateMs: number;
}

export class EventReader {
	readonly #events: EventStore;
	readonly #clock: Clock;
	readonly #lateMs: number;
	readonly #scope: Scope;
	#cursor: EventId;
	#seen: Set<EventId>;

	/** Begins with what is committed from now on. */
	static async fromNow(options: EventReaderOptions, scope: Scope): Promise<EventReader> {
		const cursor = firstIdAt('evt', options.clock.now() - LONGEST_LATE_MS);
		const reader = new EventReader({ cursor, seen: [] }, options, scope);
		await reader.#skip();
		return reader;
	}

	/** Begins after an event, with all those that may have become visible after it. */
	static after(id: EventId, options: EventReaderOptions, scope: Scope): EventReader {
		const { lateMs, clock } = options;
		const cursor =
			lateMs === 0 ? id : lesser(id, firstIdAt('evt', Math.min(clock.now(), madeAt(id)) - lateMs));
		return new EventReader({ cursor, seen: [id] }, options, scope);
	}

	constructor({ cursor, seen }: ReaderPosition, options: EventReaderOptions, scope: Scope) {
		this.#events = options.events;
		this.#clock = options.clock;
		this.#lateMs = options.lateMs;
		this.#scope = scope;
		this.#cursor = cursor;
		this.#seen = new Set(seen);
	}

	async #skip(): Promise<void> {
		const pages = this.round();
		while (!(await pages.next()).done);
	}

	get position(): ReaderPosition {
		return { cursor: this.#cursor, seen: [...this.#seen] };
	}

	/**
	 * What has become visible since the last round, page by page; a page may be empty.
	 *
	 * Nothing is filtered in the query. A filter that matches little would have the database look at
	 * any number of rows for one page, and on SQLite everybody else's queries wait meanwhile.
	 */
	async *round(): AsyncGenerator<readonly StoredEvent[]> {
		let after = this.#cursor;
		for (;;) {
			const now = this.#clock.now();
			const rows = await this.#events.listAfter(this.#scope, { after, limit: PAGE_SIZE });
			const fresh = rows.filter(({ id }) => !this.#seen.has(id));
			for (const { id } of fresh) this.#seen.add(id);
			yield fresh;
			const last = rows.at(-1)?.id ?? after;
			this.#advance(this.#lateMs === 0 ? last : lesser(last, firstIdAt('evt', now - this.#lateMs)));
			if (rows.length < PAGE_SIZE) {
				// Where a customer's events are few, those of others must not pile up to be searched.
				this.#advance(firstIdAt('evt', now - LONGEST_LATE_MS));
				return;
			}
			after = last;
		}
	}

	#advance(cursor: EventId): void {
		if (cursor <= this.#cursor) return;
		this.#cursor = cursor;
		for (const id of this.#seen) if (id <= cursor) this.#seen.delete(id);
	}
}

/** When an id was made; Unix milliseconds. */
function madeAt(id: EventId): number {
	const [first = '', second = ''] = id.slice('evt_'.length).split('-');
	return Number.parseInt(first + second, 16);
}

function lesser(a: EventId, b: EventId): EventId {
	return a < b ? a : b;
}

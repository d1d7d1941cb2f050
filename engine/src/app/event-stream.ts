import { EngineError } from '../domain/errors.ts';
import type { EventName } from '../domain/events.ts';
import { firstIdAt, type CustomerId, type EventId, type InstanceId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { EventReader, type EventReaderOptions, type ReaderPosition } from './event-reader.ts';
import { pause, type EventSignal } from './event-signal.ts';
import type { InstanceStore, Log, StoredEvent } from './ports.ts';

export interface EventStreamsOptions extends EventReaderOptions {
	readonly instances: InstanceStore;
	readonly signal: EventSignal;
	readonly log: Log;
}

export interface EventFilter {
	/** Only events of this instance; by default all, those of no instance included. */
	readonly instanceId?: InstanceId | undefined;
	readonly events?: readonly EventName[] | undefined;
}

/** What a stream carries, in order. */
export type StreamItem =
	| { readonly type: 'events'; readonly events: readonly KeptEvent[] }
	/** Events are missing at this place: nobody has them any more, or ever had the first one. */
	| { readonly type: 'gap' }
	/** Nothing but time has passed. */
	| { readonly type: 'alive' }
	/** The engine stops; another one goes on from the last event. */
	| { readonly type: 'end' };

export interface KeptEvent {
	readonly id: EventId;
	readonly body: string;
}

const MOST_STREAMS = 20;
/** Some stream or other will have ended by then: a lost one is found out within about a minute. */
const RETRY_AFTER_SECONDS = 30;

const ALIVE_EVERY_MS = 25_000;
/** For what other processes write; what this one writes, it is told of. */
const POLL_MS = 1_000;
/** Under load, events leave together instead of one query each. */
const SHORTEST_REST_MS = 20;
/** A stream that is busy rests for this many times as long as it has read, to leave room. */
const RESTS_PER_READ = 2;
const LONGEST_REST_MS = 250;

/** Ended streams whose place in the events is remembered, for those that come back. */
const MOST_REMEMBERED = 100;

/** Where a stream was in the events when it was closed. */
interface Left extends ReaderPosition {
	/** The last event that it sent, when nothing but events followed. */
	readonly lastSent: EventId | undefined;
}

interface Remembered extends Left {
	/** Customer, mode and filter: what makes two streams carry the same. */
	readonly key: string;
}

/** The events of customers as they happen, for as many as want to see them at once. */
export class EventStreams {
	readonly #options: EventStreamsOptions;
	readonly #open = new Map<CustomerId, Set<EventStream>>();
	readonly #remembered: Remembered[] = [];

	constructor(options: EventStreamsOptions) {
		this.#options = options;
	}

	/**
	 * Begins a stream after an event, or with what happens from now on. Whoever opens a stream must
	 * close it.
	 */
	async open(
		scope: Scope,
		filter: EventFilter,
		lastEventId: EventId | undefined,
	): Promise<EventStream> {
		const key = JSON.stringify([scope.customerId, scope.mode, filter]);
		const stream = new EventStream(filter, this.#options, (left) => {
			this.#leave(scope.customerId, stream);
			if (left && this.#options.lateMs > 0) this.#remember({ ...left, key });
		});
		this.#enter(scope.customerId, stream);
		try {
			await this.#checkInstance(scope, filter.instanceId);
			if (lastEventId === undefined) {
				stream.begin(await EventReader.fromNow(this.#options, scope));
			} else {
				const isKept = await this.#isKept(scope, lastEventId);
				const reader = this.#resume(scope, key, lastEventId, isKept);
				stream.begin(reader, { lastSent: lastEventId, isInGap: !isKept });
			}
			return stream;
		} catch (error) {
			stream.close();
			throw error;
		}
	}

	/** Ends every stream with a word of farewell. */
	endAll(): void {
		for (const streams of this.#open.values()) for (const stream of streams) stream.end();
	}

	/** Of one customer. */
	count(customerId: CustomerId): number {
		return this.#open.get(customerId)?.size ?? 0;
	}

	#enter(customerId: CustomerId, stream: EventStream): void {
		const streams = this.#open.get(customerId) ?? new Set();
		if (streams.size >= MOST_STREAMS) {
			throw new EngineError('too_many_streams', {
				most: MOST_STREAMS,
				retry_after_seconds: RETRY_AFTER_SECONDS,
			});
		}
		this.#open.set(customerId, streams.add(stream));
	}

	#leave(customerId: CustomerId, stream: EventStream): void {
		const streams = this.#open.get(customerId);
		streams?.delete(stream);
		if (streams?.size === 0) this.#open.delete(customerId);
	}

	async #checkInstance(scope: Scope, id: InstanceId | undefined): Promise<void> {
		if (id !== undefined && !(await this.#options.instances.find(scope, id))) {
			throw new EngineError('instance_not_found');
		}
	}

	async #isKept(scope: Scope, id: EventId): Promise<boolean> {
		const [event] = await this.#options.events.listAfter(scope, { after: before(id), limit: 1 });
		return event?.id === id && event.body !== null;
	}

	/**
	 * Where events may come late, an id does not say which of its neighbours had come before it. The
	 * stream that sent it knows, if it was ours; otherwise, what may have come late is sent again.
	 */
	#resume(scope: Scope, key: string, last: EventId, isKept: boolean): EventReader {
		const left = this.#remembered.findLast(
			(one) => one.key === key && (one.lastSent === last || one.seen.includes(last)),
		);
		if (!left) {
			// An id that nobody has may claim to be of any time, even of one to come.
			const latest = firstIdAt('evt', this.#options.clock.now());
			return EventReader.after(isKept || last < latest ? last : latest, this.#options, scope);
		}
		const at = left.seen.indexOf(last);
		const seen = at < 0 ? left.seen : left.seen.slice(0, at + 1);
		return new EventReader({ cursor: left.cursor, seen }, this.#options, scope);
	}

	#remember(position: Remembered): void {
		this.#remembered.push(position);
		if (this.#remembered.length > MOST_REMEMBERED) this.#remembered.shift();
	}
}

/** One stream. It reads on only when the one who reads it asks for more. */
export class EventStream {
	readonly #filter: EventFilter;
	readonly #options: EventStreamsOptions;
	readonly #onClose: (left: Left | undefined) => void;
	readonly #ended = new AbortController();
	#reader: EventReader | undefined;
	#lastSent: EventId | undefined;
	#isClosed = false;
	#isInGap = false;

	constructor(
		filter: EventFilter,
		options: EventStreamsOptions,
		onClose: (left: Left | undefined) => void,
	) {
		this.#filter = filter;
		this.#options = options;
		this.#onClose = onClose;
	}

	begin(
		reader: EventReader,
		{ lastSent, isInGap }: { lastSent?: EventId; isInGap?: boolean } = {},
	): void {
		this.#reader = reader;
		this.#lastSent = lastSent;
		this.#isInGap = isInGap ?? false;
	}

	/** To be read once, until it ends or is closed. */
	async *items(): AsyncGenerator<StreamItem> {
		const { clock, signal, log } = this.#options;
		try {
			if (this.#isInGap) yield { type: 'gap' };
			let aliveAt = clock.now() + ALIVE_EVERY_MS;
			while (!this.#ended.signal.aborted) {
				const since = signal.count;
				const beganAt = clock.now();
				yield* this.#round();
				if (clock.now() >= aliveAt) {
					yield { type: 'alive' };
					aliveAt = clock.now() + ALIVE_EVERY_MS;
				}
				await this.#rest(beganAt);
				const waitMs = Math.max(0, Math.min(POLL_MS, aliveAt - clock.now()));
				await signal.next(since, waitMs, this.#ended.signal);
			}
			yield { type: 'end' };
		} catch (error) {
			log.error({ error: String(error) }, 'a stream of events broke; its reader may resume it');
		} finally {
			this.close();
		}
	}

	end(): void {
		this.#ended.abort();
	}

	/** Gives its place to another stream. */
	close(): void {
		this.end();
		if (this.#isClosed) return;
		this.#isClosed = true;
		const position = this.#reader?.position;
		this.#onClose(position && { ...position, lastSent: this.#lastSent });
	}

	async *#round(): AsyncGenerator<StreamItem> {
		if (!this.#reader) return;
		for await (const page of this.#reader.round()) {
			const beganAt = this.#options.clock.now();
			yield* this.#toItems(page.filter((event) => this.#wants(event)));
			// Between the pages of a long way back, everybody else has a turn.
			await this.#rest(beganAt, 0);
			if (this.#ended.signal.aborted) return;
		}
	}

	*#toItems(page: readonly StoredEvent[]): Generator<StreamItem> {
		const events: KeptEvent[] = [];
		for (const { id, body } of page) {
			if (body !== null) {
				events.push({ id, body });
				this.#isInGap = false;
			} else if (!this.#isInGap) {
				this.#isInGap = true;
				yield* this.#toBatch(events.splice(0));
				this.#lastSent = undefined;
				yield { type: 'gap' };
			}
		}
		yield* this.#toBatch(events);
	}

	*#toBatch(events: readonly KeptEvent[]): Generator<StreamItem> {
		const last = events.at(-1);
		if (!last) return;
		this.#lastSent = last.id;
		yield { type: 'events', events };
	}

	#wants({ instanceId, event }: StoredEvent): boolean {
		const filter = this.#filter;
		if (filter.instanceId !== undefined && filter.instanceId !== instanceId) return false;
		return filter.events === undefined || filter.events.includes(event);
	}

	async #rest(beganAt: number, leastMs = SHORTEST_REST_MS): Promise<void> {
		const { clock } = this.#options;
		const ms = Math.max(leastMs, (clock.now() - beganAt) * RESTS_PER_READ);
		await pause(clock, Math.min(ms, LONGEST_REST_MS), this.#ended.signal);
	}
}

/** The greatest id that is less. */
function before(id: EventId): EventId {
	const digits = id.slice('evt_'.length).replaceAll('-', '');
	const less = (BigInt(`0x${digits}`) - 1n).toString(16).padStart(digits.length, '0');
	const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(less)?.slice(1) ?? [];
	return `evt_${parts.join('-')}`;
}

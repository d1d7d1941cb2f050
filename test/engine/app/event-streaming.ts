import { EventSignal } from '../../../engine/src/app/event-signal.ts';
import {
	EventStreams,
	type EventFilter,
	type EventStream,
	type EventStreamsOptions,
	type KeptEvent,
	type StreamItem,
} from '../../../engine/src/app/event-stream.ts';
import type { NewEvent } from '../../../engine/src/domain/events.ts';
import type { EventId, InstanceId } from '../../../engine/src/domain/ids.ts';
import type { Scope } from '../../../engine/src/domain/scope.ts';
import type { TestDatabase } from '../../support/databases.ts';
import { eventually, silentLog, systemClock } from '../../support/system.ts';
import { NOON } from '../storage/records.ts';

/** Streams over a real database, and a pen to write events with. */
export class Streaming {
	readonly streams: EventStreams;
	readonly #storage: TestDatabase['storage'];
	readonly #signal = new EventSignal(systemClock);

	constructor(
		{ storage }: TestDatabase,
		options: Pick<EventStreamsOptions, 'lateMs'> & Partial<EventStreamsOptions>,
	) {
		this.#storage = storage;
		this.streams = new EventStreams({
			...storage,
			signal: this.#signal,
			clock: systemClock,
			log: silentLog,
			...options,
		});
	}

	async write(instanceId: InstanceId, ...events: NewEvent[]): Promise<void> {
		await this.#storage.transaction((stores) => stores.events.append(instanceId, events, NOON));
		this.#signal.tell();
	}

	/** Opens a transaction that has written and waits; the answer commits it. */
	async writeSlowly(instanceId: InstanceId, ...events: NewEvent[]): Promise<() => Promise<void>> {
		const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>();
		const { promise: written, resolve: onWritten, reject } = Promise.withResolvers<void>();
		const committed = this.#storage.transaction(async (stores) => {
			await stores.events.append(instanceId, events, NOON);
			onWritten();
			await mayCommit;
		});
		committed.catch(reject);
		await written;
		return async () => {
			commit();
			await committed;
			this.#signal.tell();
		};
	}

	async follow(scope: Scope, filter: EventFilter = {}, last?: EventId): Promise<Follower> {
		return new Follower(await this.streams.open(scope, filter, last));
	}
}

/** Reads a stream to its end, or until it has what it wants. */
export class Follower {
	readonly items: StreamItem[] = [];
	readonly stream: EventStream;
	readonly done: Promise<void>;

	constructor(stream: EventStream) {
		this.stream = stream;
		this.done = this.#read();
	}

	get events(): KeptEvent[] {
		return this.items.flatMap((item) => (item.type === 'events' ? item.events : []));
	}

	/** The texts of the messages that the events tell of. */
	get texts(): string[] {
		return this.events.map(textOf);
	}

	get types(): StreamItem['type'][] {
		return this.items.map(({ type }) => type);
	}

	get lastId(): EventId {
		return this.events.at(-1)!.id;
	}

	async until(count: number): Promise<this> {
		await eventually(() => this.events.length >= count, { what: `event ${count} in the stream` });
		return this;
	}

	async close(): Promise<void> {
		this.stream.close();
		await this.done;
	}

	async #read(): Promise<void> {
		for await (const item of this.stream.items()) this.items.push(item);
	}
}

export function textOf({ body }: KeptEvent): string {
	const { data } = JSON.parse(body) as { data: { client_ref?: string } };
	return data.client_ref ?? '';
}

import type { NewEvent } from '../domain/events.ts';
import { chatTypeOf, phoneOf } from '../domain/address.ts';
import type { EndpointId, InstanceId } from '../domain/ids.ts';
import type {
	Appended,
	Clock,
	IdSource,
	InboundMessage,
	JournalEntry,
	Log,
	Message,
	Storage,
	Stores,
	WhatsAppDriver,
} from './ports.ts';

export interface InboundOptions {
	readonly storage: Storage;
	readonly driver: Pick<WhatsAppDriver, 'translate'>;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
	/** Events were written, and these endpoints have something to receive. */
	readonly announce: (appended: Appended) => void;
}

/** Entries of one commit: enough to carry a burst, few enough to keep the first ones quick. */
const BATCH = 100;
const RETRY_MS = 1_000;

/**
 * Makes events of journal entries: the only way from a received message to a webhook, in normal
 * running as after a crash. An entry leaves the journal in the commit that writes its message, its
 * event and the deliveries, so each entry becomes an event once.
 */
export class Inbound {
	readonly #options: InboundOptions;
	#waiting: JournalEntry[] = [];
	#draining: Promise<void> | undefined;

	constructor(options: InboundOptions) {
		this.#options = options;
	}

	accept(entries: readonly JournalEntry[]): void {
		this.#waiting.push(...entries);
		this.#draining ??= this.#drain().finally(() => {
			this.#draining = undefined;
		});
	}

	/** Makes the events that an earlier run did not come to. Before any session is opened. */
	async recover(): Promise<void> {
		const { journal } = this.#options.storage;
		let last: number | undefined;
		for (;;) {
			const entries = await journal.list(BATCH, last);
			if (entries.length === 0) return;
			await this.#record(entries);
			last = entries.at(-1)!.id;
		}
	}

	/** Waits until all that was accepted is recorded. */
	async idle(): Promise<void> {
		await this.#draining;
	}

	async #drain(): Promise<void> {
		// A turn of the event loop lets the entries of one burst share a commit.
		await Promise.resolve();
		while (this.#waiting.length > 0) {
			const batch = this.#waiting.slice(0, BATCH);
			try {
				await this.#record(batch);
				this.#waiting.splice(0, batch.length);
			} catch (error) {
				this.#options.log.error(
					{ error: String(error) },
					'events could not be stored; trying again',
				);
				await new Promise<void>((resolve) => this.#options.clock.after(RETRY_MS, resolve));
			}
		}
	}

	async #record(entries: readonly JournalEntry[]): Promise<void> {
		const byInstance = new Map<InstanceId, JournalEntry[]>();
		for (const entry of entries) {
			const group = byInstance.get(entry.instanceId);
			if (group) group.push(entry);
			else byInstance.set(entry.instanceId, [entry]);
		}
		const appended = new Set<EndpointId>();
		await this.#options.storage.transaction(async (stores) => {
			for (const [instanceId, group] of byInstance) {
				for (const id of await this.#recordFor(stores, instanceId, group)) appended.add(id);
			}
		});
		this.#options.announce([...appended]);
	}

	async #recordFor(
		stores: Stores,
		instanceId: InstanceId,
		entries: readonly JournalEntry[],
	): Promise<Appended> {
		const done: number[] = [];
		const arrivals: { message: Message; event: NewEvent }[] = [];
		for (const entry of entries) {
			try {
				const inbound = this.#options.driver.translate(entry);
				if (inbound) arrivals.push(this.#arrival(entry, inbound));
				done.push(entry.id);
			} catch (error) {
				// It stays in the journal: a later version may understand it.
				this.#options.log.error(
					{ instance_id: instanceId, journal_id: entry.id, error: String(error) },
					'a received message could not be read and is kept in the journal',
				);
			}
		}
		const added = await stores.messages.add(arrivals.map(({ message }) => message));
		const events = arrivals
			.filter(({ message }) => added.has(message.id))
			.map(({ event }) => event);
		const appended = await stores.events.append(instanceId, events, this.#options.clock.now());
		await stores.journal.remove(done);
		return appended;
	}

	#arrival(entry: JournalEntry, inbound: InboundMessage): { message: Message; event: NewEvent } {
		const id = this.#options.ids.next('msg');
		const message: Message = {
			id,
			instanceId: entry.instanceId,
			direction: 'in',
			waId: inbound.waId,
			chat: inbound.chat,
			peer: inbound.sender,
			body: inbound.body,
			clientRef: null,
			status: 'delivered',
			error: null,
			correlationId: null,
			createdAt: entry.receivedAt,
			sentAt: null,
			deliveredAt: entry.receivedAt,
			readAt: null,
			failedAt: null,
		};
		const event: NewEvent = {
			event: 'message.received',
			occurredAt: entry.receivedAt,
			chat: inbound.chat,
			data: {
				message_id: id,
				from: phoneOf(inbound.sender) ?? inbound.sender,
				from_jid: inbound.sender,
				from_lid: inbound.senderLid,
				push_name: inbound.pushName,
				chat_id: inbound.chat,
				chat_type: chatTypeOf(inbound.chat),
				from_me: inbound.fromMe,
				body: inbound.body,
				received_at: new Date(entry.receivedAt).toISOString(),
			},
		};
		return { message, event };
	}
}

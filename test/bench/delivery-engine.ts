import { performance } from 'node:perf_hooks';
import { Dispatcher } from '../../engine/src/app/dispatcher.ts';
import type { DeliveryQueue, WebhookClient, WebhookRequest } from '../../engine/src/app/ports.ts';
import type { NewEvent } from '../../engine/src/domain/events.ts';
import type { CustomerId, InstanceId } from '../../engine/src/domain/ids.ts';
import type { Scope } from '../../engine/src/domain/scope.ts';
import { parseAllowList } from '../../engine/src/net/allow-list.ts';
import { ResolvingUrlGuard } from '../../engine/src/net/url-guard.ts';
import { UndiciWebhookClient } from '../../engine/src/net/webhook-client.ts';
import { openStorage, type OpenStorage } from '../../engine/src/storage/storage.ts';
import { anEndpoint, anInstance } from '../engine/storage/records.ts';
import { eventually, ids, silentLog, systemClock } from '../support/system.ts';

/** `WEBHOOK_MAX_PER_HOST` as it is by default. */
export const MAX_PER_HOST = 4;

/** Events that are written in one commit, as a burst of messages is. */
export const PER_COMMIT = 100;
export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

export interface Location {
	readonly file?: string;
	readonly url?: string;
}

/**
 * All that a delivery passes through in the engine, put together as `compose.ts` does it: storage
 * as it is shipped, dispatcher, guarded client.
 */
export class DeliveryEngine {
	readonly #storage: OpenStorage;
	readonly #scope: Scope;
	readonly #client: UndiciWebhookClient;
	readonly #dispatcher: Dispatcher;
	#instanceId!: InstanceId;
	#settled = 0;
	/** Called with each request as it begins. */
	onRequest: (request: WebhookRequest) => void = () => undefined;

	static async start(location: Location): Promise<DeliveryEngine> {
		const storage = await openStorage({
			...location,
			secretsKey: 's'.repeat(32),
			ids,
			log: silentLog,
		});
		const customerId = await storage.customers.ensureDefault(ids.next('cust'), 0);
		const engine = new DeliveryEngine(storage, customerId);
		const instance = anInstance(engine.#scope);
		await storage.instances.add(instance);
		engine.#instanceId = instance.id;
		engine.#dispatcher.start();
		return engine;
	}

	private constructor(storage: OpenStorage, customerId: CustomerId) {
		this.#storage = storage;
		this.#scope = { customerId, mode: 'test' };
		const guard = new ResolvingUrlGuard({ allowPrivate: parseAllowList('127.0.0.1').entries });
		this.#client = new UndiciWebhookClient({ guard, maxConnectionsPerOrigin: MAX_PER_HOST });
		const client: WebhookClient = {
			send: (request) => {
				this.onRequest(request);
				return this.#client.send(request);
			},
		};
		const { queue } = storage;
		const counting: DeliveryQueue = {
			look: (now) => queue.look(now),
			releaseLeases: (now, leaseMs) => queue.releaseLeases(now, leaseMs),
			turn: async (turn) => {
				const claimed = await queue.turn(turn);
				this.#settled += turn.settle.length;
				return claimed;
			},
		};
		this.#dispatcher = new Dispatcher({
			storage: { ...storage, queue: counting },
			client,
			ids,
			clock: systemClock,
			log: silentLog,
			random: Math.random,
			maxPerHost: MAX_PER_HOST,
			userAgent: 'whatisup-webhooks/bench',
			announce: () => undefined,
		});
	}

	async subscribe(url: string): Promise<void> {
		await this.#storage.endpoints.add(anEndpoint(this.#scope, { url, events: ['*'] }), SECRET);
	}

	/** Writes events spread over so many chats, and answers when the last delivery is settled. */
	async run(events: number, { endpoints, chats }: { endpoints: number; chats: number }) {
		const until = this.#settled + events * endpoints;
		const begunAt = performance.now();
		for (let written = 0; written < events; written += PER_COMMIT) {
			const count = Math.min(PER_COMMIT, events - written);
			await this.append(Array.from({ length: count }, (_, i) => anEvent((written + i) % chats)));
		}
		await eventually(() => this.#settled >= until, { withinMs: 120_000, what: 'all deliveries' });
		return { perSecond: (events * endpoints) / ((performance.now() - begunAt) / 1_000) };
	}

	/** Writes events in one commit and wakes the dispatcher; answers when the commit is done. */
	async append(events: readonly NewEvent[]): Promise<number> {
		const appended = await this.#storage.transaction((stores) =>
			stores.events.append(this.#instanceId, events, Date.now()),
		);
		const committedAt = performance.now();
		this.#dispatcher.wake(appended);
		return committedAt;
	}

	async stop(): Promise<void> {
		await this.#dispatcher.stop();
		await this.#client.close();
		await this.#storage.close();
	}
}

/** A message of about the size that people write. */
export function anEvent(chat: number): NewEvent {
	const number = String(5_511_900_000_000 + chat);
	const jid = `${number}@s.whatsapp.net`;
	return {
		event: 'message.received',
		occurredAt: Date.now(),
		chat: jid,
		data: {
			message_id: ids.next('msg'),
			from: number,
			from_jid: jid,
			from_lid: null,
			push_name: 'Maria',
			chat_id: jid,
			chat_type: 'direct',
			from_me: false,
			body: { type: 'text', text: 'Good morning! Is the table for four still free on Sunday?' },
			received_at: new Date().toISOString(),
		},
	};
}

import type { Appended, Delivery, Endpoint, EndpointSettings } from '../../engine/src/app/ports.ts';
import { DEFAULT_HEAL_POLICY } from '../../engine/src/domain/healing.ts';
import type { CustomerId, EndpointId, InstanceId } from '../../engine/src/domain/ids.ts';
import { NEW_INSTANCE } from '../../engine/src/domain/instance.ts';
import type { Scope } from '../../engine/src/domain/scope.ts';
import { DEFAULT_FILTERS } from '../../engine/src/domain/subscription.ts';
import { openStorage, type OpenStorage } from '../../engine/src/storage/storage.ts';
import { temporaryDir } from './engine-process.ts';
import { ids, silentLog } from './system.ts';

/** A real, empty SQLite database with one customer, for tests of what works on it. */
export class TestEngineStore {
	readonly storage: OpenStorage;
	readonly scope: Scope;
	readonly #dispose: () => Promise<void>;

	static async open(): Promise<TestEngineStore> {
		const { path, dispose } = await temporaryDir();
		const storage = await openStorage({
			file: `${path}/engine.sqlite`,
			secretsKey: 's'.repeat(32),
			ids,
			log: silentLog,
		});
		const customerId = await storage.customers.ensureDefault(ids.next('cust'), 0);
		return new TestEngineStore(storage, customerId, dispose);
	}

	private constructor(storage: OpenStorage, customerId: CustomerId, dispose: () => Promise<void>) {
		this.storage = storage;
		this.scope = { customerId, mode: 'test' };
		this.#dispose = dispose;
	}

	async addInstance(): Promise<InstanceId> {
		const id = ids.next('inst');
		await this.storage.instances.add({
			id,
			...this.scope,
			name: 'shop',
			metadata: {},
			status: NEW_INSTANCE,
			statusSince: 0,
			account: null,
			group: null,
			priority: 100,
			expectedPhoneNumber: null,
			heal: DEFAULT_HEAL_POLICY,
			healedAt: [],
			proxyUrl: null,
			restrictedUntil: null,
			attentionLevel: 0,
			attentionDueAt: null,
			lastSeenAt: null,
			createdAt: 0,
			updatedAt: 0,
		});
		return id;
	}

	/** Subscribed to every event of every instance, unless `settings` say otherwise. */
	async addEndpoint({
		secret,
		...settings
	}: { url: string; secret: string } & Partial<EndpointSettings>): Promise<EndpointId> {
		const id = ids.next('wh');
		await this.storage.endpoints.add(
			{
				id,
				...this.scope,
				description: null,
				events: ['*'],
				instanceIds: [],
				filters: DEFAULT_FILTERS,
				ordered: true,
				maxAgeSeconds: null,
				maxPerSecond: null,
				...settings,
				enabled: true,
				disabledReason: null,
				disabledAt: null,
				failingSince: null,
				workedUntil: null,
				hasCustomSigningSecret: true,
				secretRotatedAt: null,
				previousSecretUntil: null,
				deleteAt: null,
				createdAt: 0,
				updatedAt: 0,
			},
			secret,
		);
		return id;
	}

	/** Events of one chat after another, a chat each unless one is named. */
	async append(
		instanceId: InstanceId,
		count: number,
		chat?: string,
		now = Date.now(),
	): Promise<Appended> {
		const events = Array.from({ length: count }, (_, i) => ({
			event: 'qr.updated' as const,
			occurredAt: now,
			data: { qr: 'data:,', code: String(i), expires_at: '' },
			chat: chat ?? `${i}@s.whatsapp.net`,
		}));
		return this.storage.transaction((stores) => stores.events.append(instanceId, events, now));
	}

	deliveries(): Promise<Delivery[]> {
		return this.storage.deliveries
			.list(this.scope, {}, { limit: 1_000 })
			.then(({ deliveries }) => [...deliveries]);
	}

	async statuses(): Promise<Delivery['status'][]> {
		return (await this.deliveries()).map(({ status }) => status);
	}

	async endpoint(id: EndpointId): Promise<Endpoint> {
		const endpoint = await this.storage.endpoints.find(this.scope, id);
		if (!endpoint) throw new Error(`no endpoint ${id}`);
		return endpoint;
	}

	async close(): Promise<void> {
		await this.storage.close();
		await this.#dispose();
	}
}

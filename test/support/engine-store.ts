import type { Delivery, Endpoint } from '../../engine/src/app/ports.ts';
import { EVENT_NAMES } from '../../engine/src/domain/events.ts';
import { DEFAULT_HEAL_POLICY } from '../../engine/src/domain/healing.ts';
import type { CustomerId, EndpointId, InstanceId } from '../../engine/src/domain/ids.ts';
import { NEW_INSTANCE } from '../../engine/src/domain/instance.ts';
import type { Scope } from '../../engine/src/domain/scope.ts';
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

	/** Subscribed to every event of every instance. */
	async addEndpoint({ url, secret }: { url: string; secret: string }): Promise<EndpointId> {
		const id = ids.next('wh');
		await this.storage.endpoints.add(
			{
				id,
				...this.scope,
				instanceId: null,
				url,
				events: EVENT_NAMES,
				enabled: true,
				hasCustomSigningSecret: true,
				createdAt: 0,
				updatedAt: 0,
			},
			secret,
		);
		return id;
	}

	async append(instanceId: InstanceId, count: number): Promise<void> {
		const now = Date.now();
		const events = Array.from({ length: count }, (_, i) => ({
			event: 'qr.updated' as const,
			occurredAt: now,
			data: { qr: 'data:,', code: String(i), expires_at: '' },
		}));
		await this.storage.transaction((stores) => stores.events.append(instanceId, events, now));
	}

	deliveries(): Promise<Delivery[]> {
		return this.storage.deliveries.list(this.scope, {}, { limit: 100 });
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

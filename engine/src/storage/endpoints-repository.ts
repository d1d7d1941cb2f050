import type { Kysely, Selectable } from 'kysely';
import type { Endpoint, EndpointStore, Page } from '../app/ports.ts';
import type { EventName } from '../domain/events.ts';
import type { EndpointId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Schema, WebhookEndpointsTable } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { sealSigningSecrets } from './signing-secrets.ts';
import { inTransaction } from './transaction.ts';

export class EndpointsRepository implements EndpointStore {
	readonly #db: Kysely<Schema>;
	readonly #box: SecretBox;

	constructor(db: Kysely<Schema>, box: SecretBox) {
		this.#db = db;
		this.#box = box;
	}

	async add(endpoint: Endpoint, signingSecret: string): Promise<void> {
		await this.#db
			.insertInto('webhook_endpoints')
			.values({
				id: endpoint.id,
				customer_id: endpoint.customerId,
				mode: endpoint.mode,
				instance_id: endpoint.instanceId,
				url: endpoint.url,
				events: JSON.stringify(endpoint.events),
				enabled: Number(endpoint.enabled),
				has_custom_signing_secret: Number(endpoint.hasCustomSigningSecret),
				sealed_signing_secrets: sealSigningSecrets(this.#box, endpoint.id, [signingSecret]),
				created_at: endpoint.createdAt,
				updated_at: endpoint.updatedAt,
				deleted_at: null,
			})
			.execute();
	}

	async find(scope: Scope, id: EndpointId): Promise<Endpoint | undefined> {
		const row = await this.#present(scope).where('id', '=', id).executeTakeFirst();
		return row && toEndpoint(row);
	}

	async list(scope: Scope, { limit, before }: Page): Promise<Endpoint[]> {
		const rows = await this.#present(scope)
			.$if(before !== undefined, (query) => query.where('id', '<', before as EndpointId))
			.orderBy('id', 'desc')
			.limit(limit)
			.execute();
		return rows.map(toEndpoint);
	}

	async disable(id: EndpointId, at: number): Promise<void> {
		await inTransaction(this.#db, async (db) => {
			await db
				.updateTable('webhook_endpoints')
				.set({ enabled: 0, updated_at: at })
				.where('id', '=', id)
				.execute();
			await db
				.updateTable('webhook_deliveries')
				.set({ held: 1 })
				.where('endpoint_id', '=', id)
				.where('due_at', 'is not', null)
				.execute();
		});
	}

	async remove(id: EndpointId, at: number): Promise<void> {
		await inTransaction(this.#db, async (db) => {
			await db
				.updateTable('webhook_endpoints')
				.set({ deleted_at: at, updated_at: at })
				.where('id', '=', id)
				.where('deleted_at', 'is', null)
				.execute();
			await db
				.updateTable('webhook_deliveries')
				.set({ status: 'failed', last_error: 'endpoint_deleted', due_at: null, updated_at: at })
				.where('endpoint_id', '=', id)
				.where('due_at', 'is not', null)
				.execute();
		});
	}

	#present({ customerId, mode }: Scope) {
		return this.#db
			.selectFrom('webhook_endpoints')
			.selectAll()
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.where('deleted_at', 'is', null);
	}
}

function toEndpoint(row: Selectable<WebhookEndpointsTable>): Endpoint {
	return {
		id: row.id,
		customerId: row.customer_id,
		mode: row.mode,
		instanceId: row.instance_id,
		url: row.url,
		events: JSON.parse(row.events) as EventName[],
		enabled: row.enabled === 1,
		hasCustomSigningSecret: row.has_custom_signing_secret === 1,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
	};
}

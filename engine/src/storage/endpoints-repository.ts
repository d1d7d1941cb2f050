import type { Kysely, Selectable, Updateable } from 'kysely';
import type {
	Endpoint,
	EndpointHealth,
	EndpointSettings,
	EndpointStore,
	NewSecret,
	Page,
} from '../app/ports.ts';
import type { DisabledReason } from '../domain/events.ts';
import type { EndpointId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { DialectName, Schema, WebhookEndpointsTable } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { openSigningSecrets, sealSigningSecrets } from './signing-secrets.ts';
import { toSubscription, toSubscriptionColumns } from './subscription-columns.ts';
import { inTransaction } from './transaction.ts';

export class EndpointsRepository implements EndpointStore {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;
	readonly #box: SecretBox;

	constructor(db: Kysely<Schema>, dialect: DialectName, box: SecretBox) {
		this.#db = db;
		this.#dialect = dialect;
		this.#box = box;
	}

	async add(endpoint: Endpoint, signingSecret: string): Promise<void> {
		await this.#db
			.insertInto('webhook_endpoints')
			.values({
				id: endpoint.id,
				customer_id: endpoint.customerId,
				mode: endpoint.mode,
				description: endpoint.description,
				url: endpoint.url,
				events: JSON.stringify(endpoint.events),
				instance_ids: JSON.stringify(endpoint.instanceIds),
				filters: JSON.stringify(endpoint.filters),
				ordered: Number(endpoint.ordered),
				max_age_seconds: endpoint.maxAgeSeconds,
				max_per_second: endpoint.maxPerSecond,
				enabled: Number(endpoint.enabled),
				disabled_reason: endpoint.disabledReason,
				disabled_at: endpoint.disabledAt,
				failing_since: endpoint.failingSince,
				worked_until: endpoint.workedUntil,
				has_custom_signing_secret: Number(endpoint.hasCustomSigningSecret),
				sealed_signing_secrets: sealSigningSecrets(this.#box, endpoint.id, [signingSecret]),
				secret_rotated_at: endpoint.secretRotatedAt,
				previous_secret_until: endpoint.previousSecretUntil,
				created_at: endpoint.createdAt,
				updated_at: endpoint.updatedAt,
				delete_at: endpoint.deleteAt,
				deleted_at: null,
			})
			.execute();
	}

	async find({ customerId, mode }: Scope, id: EndpointId): Promise<Endpoint | undefined> {
		const row = await this.#present()
			.where('id', '=', id)
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.executeTakeFirst();
		return row && toEndpoint(row);
	}

	async hold(id: EndpointId): Promise<void> {
		// On SQLite the transaction has the file to itself.
		if (this.#dialect === 'sqlite') return;
		await this.#present().where('id', '=', id).forUpdate().execute();
	}

	async findAny(id: EndpointId): Promise<Endpoint | undefined> {
		const row = await this.#present().where('id', '=', id).executeTakeFirst();
		return row && toEndpoint(row);
	}

	async list({ customerId, mode }: Scope, { limit, before }: Page): Promise<Endpoint[]> {
		const rows = await this.#present()
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.$if(before !== undefined, (query) => query.where('id', '<', before as EndpointId))
			.orderBy('id', 'desc')
			.limit(limit)
			.execute();
		return rows.map(toEndpoint);
	}

	async signingSecrets(id: EndpointId, now: number): Promise<readonly string[]> {
		const row = await this.#present().where('id', '=', id).executeTakeFirst();
		return row === undefined ? [] : openSigningSecrets(this.#box, now, row);
	}

	async change(id: EndpointId, settings: Partial<EndpointSettings>, at: number): Promise<void> {
		await this.#update(id, { ...toColumns(settings), updated_at: at });
	}

	/** No more than two secrets are kept: a second rotation ends the overlap of the first. */
	async rotateSecret(id: EndpointId, { secret, ...rest }: NewSecret, at: number): Promise<void> {
		const overlaps = rest.previousUntil > at;
		await inTransaction(this.#db, async (db) => {
			// Written before it is read, so that on Postgres two rotations wait for each other.
			const row = await db
				.updateTable('webhook_endpoints')
				.set({
					has_custom_signing_secret: Number(rest.isCustom),
					secret_rotated_at: at,
					previous_secret_until: overlaps ? rest.previousUntil : null,
					updated_at: at,
				})
				.where('id', '=', id)
				.where('deleted_at', 'is', null)
				.returning(['id', 'sealed_signing_secrets', 'previous_secret_until'])
				.executeTakeFirst();
			if (row === undefined) return;
			const [present] = openSigningSecrets(this.#box, at, row);
			const secrets = overlaps ? [secret, present!] : [secret];
			await db
				.updateTable('webhook_endpoints')
				.set({ sealed_signing_secrets: sealSigningSecrets(this.#box, id, secrets) })
				.where('id', '=', id)
				.execute();
		});
	}

	/** Not a change of the endpoint's: `updated_at` stays. */
	async noteHealth(id: EndpointId, { failingSince, workedUntil }: EndpointHealth): Promise<void> {
		await this.#update(id, { failing_since: failingSince, worked_until: workedUntil });
	}

	async enable(id: EndpointId, at: number): Promise<boolean> {
		const { numUpdatedRows } = await this.#db
			.updateTable('webhook_endpoints')
			.set({ enabled: 1, disabled_reason: null, disabled_at: null, updated_at: at })
			.where('id', '=', id)
			.where('enabled', '=', 0)
			.where('deleted_at', 'is', null)
			.executeTakeFirst();
		return numUpdatedRows === 1n;
	}

	async disable(id: EndpointId, reason: DisabledReason, at: number): Promise<boolean> {
		const { numUpdatedRows } = await this.#db
			.updateTable('webhook_endpoints')
			.set({ enabled: 0, disabled_reason: reason, disabled_at: at, updated_at: at })
			.where('id', '=', id)
			.where('enabled', '=', 1)
			.where('deleted_at', 'is', null)
			.executeTakeFirst();
		return numUpdatedRows === 1n;
	}

	async remove(id: EndpointId, at: number): Promise<void> {
		await inTransaction(this.#db, async (db) => {
			await db
				.updateTable('webhook_endpoints')
				.set({ deleted_at: at, updated_at: at })
				.where('id', '=', id)
				.where('deleted_at', 'is', null)
				.execute();
			await giveUpDeliveries(db, id, at);
		});
	}

	async setDeleteAt(id: EndpointId, deleteAt: number | null, at: number): Promise<void> {
		await this.#update(id, { delete_at: deleteAt, updated_at: at });
	}

	async listToDelete(now: number, limit: number): Promise<Endpoint[]> {
		const rows = await this.#present()
			.where('delete_at', '<=', now)
			.orderBy('delete_at')
			.limit(limit)
			.execute();
		return rows.map(toEndpoint);
	}

	async removeDue(id: EndpointId, at: number): Promise<boolean> {
		return inTransaction(this.#db, async (db) => {
			// One statement looks and deletes, so that on Postgres no call-off slips in between.
			const { numUpdatedRows } = await db
				.updateTable('webhook_endpoints')
				.set({ deleted_at: at, updated_at: at })
				.where('id', '=', id)
				.where('delete_at', '<=', at)
				.where('deleted_at', 'is', null)
				.executeTakeFirst();
			if (numUpdatedRows === 0n) return false;
			await giveUpDeliveries(db, id, at);
			return true;
		});
	}

	async #update(id: EndpointId, columns: Updateable<WebhookEndpointsTable>): Promise<void> {
		await this.#db
			.updateTable('webhook_endpoints')
			.set(columns)
			.where('id', '=', id)
			.where('deleted_at', 'is', null)
			.execute();
	}

	#present() {
		return this.#db.selectFrom('webhook_endpoints').selectAll().where('deleted_at', 'is', null);
	}
}

async function giveUpDeliveries(db: Kysely<Schema>, id: EndpointId, at: number): Promise<void> {
	await db
		.updateTable('webhook_deliveries')
		.set({ status: 'failed', last_error: 'endpoint_deleted', due_at: null, updated_at: at })
		.where('endpoint_id', '=', id)
		.where('due_at', 'is not', null)
		.execute();
}

/** Kysely leaves out of an update what is `undefined`. */
function toColumns(settings: Partial<EndpointSettings>): Updateable<WebhookEndpointsTable> {
	const { ordered } = settings;
	return {
		...toSubscriptionColumns(settings),
		description: settings.description,
		url: settings.url,
		ordered: ordered === undefined ? undefined : Number(ordered),
		max_age_seconds: settings.maxAgeSeconds,
		max_per_second: settings.maxPerSecond,
	};
}

function toEndpoint(row: Selectable<WebhookEndpointsTable>): Endpoint {
	return {
		id: row.id,
		customerId: row.customer_id,
		mode: row.mode,
		description: row.description,
		url: row.url,
		...toSubscription(row),
		ordered: row.ordered === 1,
		maxAgeSeconds: row.max_age_seconds,
		maxPerSecond: row.max_per_second,
		enabled: row.enabled === 1,
		disabledReason: row.disabled_reason,
		disabledAt: row.disabled_at,
		failingSince: row.failing_since,
		workedUntil: row.worked_until,
		hasCustomSigningSecret: row.has_custom_signing_secret === 1,
		secretRotatedAt: row.secret_rotated_at,
		previousSecretUntil: row.previous_secret_until,
		deleteAt: row.delete_at,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
	};
}

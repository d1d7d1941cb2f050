import type { Kysely, Selectable } from 'kysely';
import type { ApiKey, ApiKeyStore } from '../app/ports.ts';
import type { KeyId } from '../domain/ids.ts';
import type { Mode } from '../domain/scope.ts';
import type { ApiKeysTable, Schema } from './schema.ts';

export class ApiKeysRepository implements ApiKeyStore {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	/**
	 * A key that is there already stays as it is: engines that start together each bring the same
	 * one. A revoked key that is added again counts as a new one.
	 */
	async add(key: ApiKey): Promise<void> {
		await this.#db
			.insertInto('api_keys')
			.values({
				id: key.id,
				customer_id: key.customerId,
				mode: key.mode,
				name: key.name,
				prefix: key.prefix,
				hash: key.hash,
				created_at: key.createdAt,
				revoked_at: null,
			})
			.onConflict((conflict) => conflict.column('hash').where('revoked_at', 'is', null).doNothing())
			.execute();
	}

	async findByHash(hash: string): Promise<ApiKey | undefined> {
		const row = await this.#active().where('hash', '=', hash).executeTakeFirst();
		return row && toApiKey(row);
	}

	async findByName(mode: Mode, name: string): Promise<ApiKey | undefined> {
		const row = await this.#active()
			.where('mode', '=', mode)
			.where('name', '=', name)
			.orderBy('id', 'desc')
			.limit(1)
			.executeTakeFirst();
		return row && toApiKey(row);
	}

	async revoke(id: KeyId, at: number): Promise<void> {
		await this.#db
			.updateTable('api_keys')
			.set({ revoked_at: at })
			.where('id', '=', id)
			.where('revoked_at', 'is', null)
			.execute();
	}

	#active() {
		return this.#db.selectFrom('api_keys').selectAll().where('revoked_at', 'is', null);
	}
}

function toApiKey(row: Selectable<ApiKeysTable>): ApiKey {
	return {
		id: row.id,
		customerId: row.customer_id,
		mode: row.mode,
		name: row.name,
		prefix: row.prefix,
		hash: row.hash,
		createdAt: row.created_at,
	};
}

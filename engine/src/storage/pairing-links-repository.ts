import type { Kysely, Selectable } from 'kysely';
import type { PairingLink, PairingLinkStore } from '../app/ports.ts';
import type { InstanceId } from '../domain/ids.ts';
import type { PairingLinksTable, Schema } from './schema.ts';

/** At most one link per instance: the instance is the key. */
export class PairingLinksRepository implements PairingLinkStore {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	async put({ instanceId, tokenHash, expiresAt }: PairingLink): Promise<void> {
		await this.#db
			.insertInto('pairing_links')
			.values({ instance_id: instanceId, token_hash: tokenHash, expires_at: expiresAt })
			.onConflict((conflict) =>
				conflict
					.column('instance_id')
					.doUpdateSet({ token_hash: tokenHash, expires_at: expiresAt }),
			)
			.execute();
	}

	async findByHash(tokenHash: string): Promise<PairingLink | undefined> {
		const row = await this.#links().where('token_hash', '=', tokenHash).executeTakeFirst();
		return row && toLink(row);
	}

	async find(instanceId: InstanceId): Promise<PairingLink | undefined> {
		const row = await this.#links().where('instance_id', '=', instanceId).executeTakeFirst();
		return row && toLink(row);
	}

	async remove(instanceId: InstanceId): Promise<void> {
		await this.#db.deleteFrom('pairing_links').where('instance_id', '=', instanceId).execute();
	}

	#links() {
		return this.#db.selectFrom('pairing_links').selectAll();
	}
}

function toLink(row: Selectable<PairingLinksTable>): PairingLink {
	return { instanceId: row.instance_id, tokenHash: row.token_hash, expiresAt: row.expires_at };
}

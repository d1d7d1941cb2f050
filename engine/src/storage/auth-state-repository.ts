import type { Kysely } from 'kysely';
import type { AuthChange, AuthStateStore, JournalEntry, NewJournalEntry } from '../app/ports.ts';
import type { InstanceId } from '../domain/ids.ts';
import { chunks } from './chunks.ts';
import { JournalRepository } from './journal-repository.ts';
import type { Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { inTransaction } from './transaction.ts';

/**
 * The secrets of each instance's session: what links it to a phone, and the ratchets that open and
 * close messages. They change with every message, so `commit` is the most frequent write of all.
 */
export class AuthStateRepository implements AuthStateStore {
	readonly #db: Kysely<Schema>;
	readonly #box: SecretBox;

	constructor(db: Kysely<Schema>, box: SecretBox) {
		this.#db = db;
		this.#box = box;
	}

	async get(
		instanceId: InstanceId,
		type: string,
		ids: readonly string[],
	): Promise<ReadonlyMap<string, Uint8Array>> {
		const found = new Map<string, Uint8Array>();
		for (const some of chunks(ids)) {
			const rows = await this.#db
				.selectFrom('auth_state')
				.select(['id', 'sealed_value'])
				.where('instance_id', '=', instanceId)
				.where('type', '=', type)
				.where('id', 'in', some)
				.execute();
			for (const { id, sealed_value } of rows) {
				found.set(id, this.#box.open(sealed_value, owner(instanceId, type, id)));
			}
		}
		return found;
	}

	async commit(
		instanceId: InstanceId,
		changes: readonly AuthChange[],
		journal: readonly NewJournalEntry[] = [],
	): Promise<JournalEntry[]> {
		if (changes.length === 0 && journal.length === 0) return [];
		const last = lastOfEach(changes);
		return inTransaction(this.#db, async (db) => {
			await this.#set(db, instanceId, last);
			await this.#unset(db, instanceId, last);
			return new JournalRepository(db, this.#box).add(instanceId, journal);
		});
	}

	async wipe(instanceId: InstanceId): Promise<void> {
		await this.#db.deleteFrom('auth_state').where('instance_id', '=', instanceId).execute();
	}

	async #set(
		db: Kysely<Schema>,
		instanceId: InstanceId,
		changes: readonly AuthChange[],
	): Promise<void> {
		const rows = changes.flatMap(({ type, id, value }) => {
			if (value === null) return [];
			const sealed = this.#box.seal(value, owner(instanceId, type, id));
			return [{ instance_id: instanceId, type, id, sealed_value: sealed }];
		});
		for (const some of chunks(rows)) {
			await db
				.insertInto('auth_state')
				.values(some)
				.onConflict((conflict) =>
					conflict
						.columns(['instance_id', 'type', 'id'])
						.doUpdateSet((eb) => ({ sealed_value: eb.ref('excluded.sealed_value') })),
				)
				.execute();
		}
	}

	async #unset(
		db: Kysely<Schema>,
		instanceId: InstanceId,
		changes: readonly AuthChange[],
	): Promise<void> {
		const unset = changes.filter(({ value }) => value === null);
		for (const type of new Set(unset.map((change) => change.type))) {
			const ids = unset.filter((change) => change.type === type).map(({ id }) => id);
			for (const some of chunks(ids)) {
				await db
					.deleteFrom('auth_state')
					.where('instance_id', '=', instanceId)
					.where('type', '=', type)
					.where('id', 'in', some)
					.execute();
			}
		}
	}
}

/** Postgres refuses to set a row twice in one statement; the last word on a secret counts. */
function lastOfEach(changes: readonly AuthChange[]): AuthChange[] {
	const last = new Map(changes.map((change) => [JSON.stringify([change.type, change.id]), change]));
	return [...last.values()];
}

function owner(instanceId: InstanceId, type: string, id: string): string[] {
	return ['auth_state', instanceId, type, id];
}

import type { Kysely } from 'kysely';
import type { JournalEntry, JournalStore, NewJournalEntry } from '../app/ports.ts';
import type { InstanceId } from '../domain/ids.ts';
import { chunks } from './chunks.ts';
import type { Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { inTransaction } from './transaction.ts';

export class JournalRepository implements JournalStore {
	readonly #db: Kysely<Schema>;
	readonly #box: SecretBox;

	constructor(db: Kysely<Schema>, box: SecretBox) {
		this.#db = db;
		this.#box = box;
	}

	async add(instanceId: InstanceId, entries: readonly NewJournalEntry[]): Promise<JournalEntry[]> {
		if (entries.length === 0) return [];
		const rows = entries.map((entry) => ({
			instance_id: instanceId,
			sealed_stanza: this.#box.seal(entry.stanza, owner(instanceId, 'stanza')),
			sealed_plaintext: this.#box.seal(entry.plaintext, owner(instanceId, 'plaintext')),
			received_at: entry.receivedAt,
		}));
		const ids = await inTransaction(this.#db, async (db) => {
			const added: number[] = [];
			for (const some of chunks(rows)) {
				const ids = await db.insertInto('journal').values(some).returning('id').execute();
				added.push(...ids.map((row) => row.id));
			}
			return added;
		});
		// Ids are given in the order of the values, but neither database promises to answer in it.
		ids.sort((a, b) => a - b);
		return entries.map((entry, index) => ({ ...entry, id: ids[index]!, instanceId }));
	}

	async list(limit: number, after = 0): Promise<JournalEntry[]> {
		const rows = await this.#db
			.selectFrom('journal')
			.selectAll()
			.where('id', '>', after)
			.orderBy('id')
			.limit(limit)
			.execute();
		return rows.map((row) => ({
			id: row.id,
			instanceId: row.instance_id,
			stanza: this.#box.open(row.sealed_stanza, owner(row.instance_id, 'stanza')),
			plaintext: this.#box.open(row.sealed_plaintext, owner(row.instance_id, 'plaintext')),
			receivedAt: row.received_at,
		}));
	}

	async remove(ids: readonly number[]): Promise<void> {
		if (ids.length === 0) return;
		await inTransaction(this.#db, async (db) => {
			for (const some of chunks(ids)) {
				await db.deleteFrom('journal').where('id', 'in', some).execute();
			}
		});
	}
}

function owner(instanceId: InstanceId, column: 'stanza' | 'plaintext'): string[] {
	return ['journal', instanceId, column];
}

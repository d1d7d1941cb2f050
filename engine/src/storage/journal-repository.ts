import { sql, type Kysely } from 'kysely';
import type { JournalEntry, JournalStore, NewJournalEntry } from '../app/ports.ts';
import type { InstanceId } from '../domain/ids.ts';
import { jsonRows } from './json-rows.ts';
import { RowInserter } from './rows.ts';
import type { DialectName, Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { inTransaction } from './transaction.ts';

export class JournalRepository implements JournalStore {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;
	readonly #box: SecretBox;

	constructor(db: Kysely<Schema>, dialect: DialectName, box: SecretBox) {
		this.#db = db;
		this.#dialect = dialect;
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
		const added = await inTransaction(this.#db, (db) =>
			INSERTERS[this.#dialect].insert<{ readonly id: number }>(db, rows),
		);
		// Ids are given in the order of the values, but neither database promises to answer in it.
		const ids = added.map(({ id }) => id).sort((a, b) => a - b);
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
		const gone = jsonRows(
			this.#dialect,
			ids.map((id) => [id]),
		);
		await sql`
			delete from journal
			where id in (select cast(value ->> 0 as bigint) from ${gone})`.execute(this.#db);
	}
}

const INSERTERS: Readonly<Record<DialectName, RowInserter<'journal'>>> = {
	sqlite: inserter('sqlite'),
	postgres: inserter('postgres'),
};

function inserter(dialect: DialectName): RowInserter<'journal'> {
	const columns = ['instance_id', 'sealed_stanza', 'sealed_plaintext', 'received_at'] as const;
	return new RowInserter('journal', dialect, columns, { tail: 'returning id' });
}

function owner(instanceId: InstanceId, column: 'stanza' | 'plaintext'): string[] {
	return ['journal', instanceId, column];
}

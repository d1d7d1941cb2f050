import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';

const SCHEMA = `
	PRAGMA locking_mode = EXCLUSIVE;
	PRAGMA journal_mode = WAL;
	PRAGMA synchronous = OFF;
	CREATE TABLE IF NOT EXISTS state (
		position INTEGER PRIMARY KEY,
		kind TEXT NOT NULL,
		key TEXT NOT NULL,
		value BLOB NOT NULL,
		UNIQUE (kind, key)
	);
`;

/**
 * Everything the simulated network knows, as named maps that live in memory and write through to
 * one SQLite file. A value is in the file before the call that stored it returns, so the state
 * survives the death of the process at any point; it need not survive a power loss.
 *
 * Reads never touch the file. It is locked exclusively: a second process on the same file fails
 * to start instead of damaging it.
 */
export class StateFile {
	readonly #database: DatabaseSync;
	readonly #put: StatementSync;
	readonly #remove: StatementSync;
	readonly #load: StatementSync;
	#inTransaction = false;
	#afterCommit: (() => void)[] = [];

	/** Opens or creates the file; `:memory:` keeps nothing. */
	constructor(file: string) {
		this.#database = new DatabaseSync(file);
		try {
			this.#database.exec(SCHEMA);
		} catch (error) {
			this.#database.close();
			throw error;
		}
		this.#put = this.#database.prepare(
			'INSERT INTO state (kind, key, value) VALUES (?, ?, ?) ' +
				'ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value',
		);
		this.#remove = this.#database.prepare('DELETE FROM state WHERE kind = ? AND key = ?');
		this.#load = this.#database.prepare(
			'SELECT key, value FROM state WHERE kind = ? ORDER BY position',
		);
	}

	/** The map of this name, with what the file holds, in the order in which keys were added. */
	map<V>(kind: string): StoredMap<V> {
		const rows = this.#load.all(kind) as unknown as { key: string; value: Uint8Array }[];
		return new StoredMap<V>(
			rows.map(({ key, value }) => [key, deserialize(value) as V]),
			{
				put: (key, value) => this.#put.run(kind, key, serialize(value)),
				remove: (key) => this.#remove.run(kind, key),
			},
		);
	}

	/** Runs `work`, which must be synchronous, so that the file gets all of its writes or none. */
	atomically(work: () => void): void {
		if (this.#inTransaction) return work();
		this.#database.exec('BEGIN');
		this.#inTransaction = true;
		try {
			work();
			this.#database.exec('COMMIT');
		} catch (error) {
			this.#database.exec('ROLLBACK');
			this.#afterCommit = [];
			throw error;
		} finally {
			this.#inTransaction = false;
		}
		for (const effect of this.#afterCommit.splice(0)) effect();
	}

	/** Lets others know of a change only when it cannot be lost any more. */
	afterCommit(effect: () => void): void {
		if (this.#inTransaction) this.#afterCommit.push(effect);
		else effect();
	}

	close(): void {
		this.#database.close();
	}
}

interface Writes<V> {
	readonly put: (key: string, value: V) => void;
	readonly remove: (key: string) => void;
}

/** A map of a `StateFile`. A value that was changed in place is stored by setting it again. */
export class StoredMap<V> {
	readonly #values: Map<string, V>;
	readonly #writes: Writes<V>;

	constructor(entries: Iterable<readonly [string, V]>, writes: Writes<V>) {
		this.#values = new Map(entries);
		this.#writes = writes;
	}

	get(key: string): V | undefined {
		return this.#values.get(key);
	}

	has(key: string): boolean {
		return this.#values.has(key);
	}

	set(key: string, value: V): void {
		this.#writes.put(key, value);
		this.#values.set(key, value);
	}

	delete(key: string): void {
		if (!this.#values.has(key)) return;
		this.#writes.remove(key);
		this.#values.delete(key);
	}

	values(): IterableIterator<V> {
		return this.#values.values();
	}

	entries(): IterableIterator<[string, V]> {
		return this.#values.entries();
	}
}

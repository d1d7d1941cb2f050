import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
	SqliteAdapter,
	SqliteIntrospector,
	SqliteQueryCompiler,
	type CompiledQuery,
	type DatabaseConnection,
	type DatabaseIntrospector,
	type Dialect,
	type DialectAdapter,
	type Driver,
	type Kysely,
	type QueryCompiler,
	type QueryResult,
} from 'kysely';

/** Far more than the engine has queries; lists of other lengths make other texts of the same one. */
const MAX_STATEMENTS = 300;

/**
 * Kysely over Node's own SQLite. There is one connection, and Kysely queues for it: a query, or a
 * transaction with all that it does, has the database to itself.
 */
export class NodeSqliteDialect implements Dialect {
	readonly #database: DatabaseSync;

	constructor(database: DatabaseSync) {
		this.#database = database;
	}

	createDriver(): Driver {
		return new NodeSqliteDriver(this.#database);
	}

	createQueryCompiler(): QueryCompiler {
		return new SqliteQueryCompiler();
	}

	createAdapter(): DialectAdapter {
		return new SqliteAdapter();
	}

	createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
		return new SqliteIntrospector(db);
	}
}

class NodeSqliteDriver implements Driver {
	readonly #database: DatabaseSync;
	readonly #connection: NodeSqliteConnection;

	constructor(database: DatabaseSync) {
		this.#database = database;
		this.#connection = new NodeSqliteConnection(database);
	}

	async init(): Promise<void> {}

	async acquireConnection(): Promise<DatabaseConnection> {
		return this.#connection;
	}

	/**
	 * Takes the write lock at once. A transaction that reads first and asks for it later would fail
	 * where another program has written in between, however long it waits.
	 */
	async beginTransaction(): Promise<void> {
		this.#connection.run('begin immediate');
	}

	async commitTransaction(): Promise<void> {
		this.#connection.run('commit');
	}

	/** A full disk, for one, makes SQLite roll back by itself; then nothing is left to roll back. */
	async rollbackTransaction(): Promise<void> {
		if (this.#database.isTransaction) this.#connection.run('rollback');
	}

	async releaseConnection(): Promise<void> {}

	async destroy(): Promise<void> {
		this.#database.close();
	}
}

interface Prepared {
	readonly statement: StatementSync;
	readonly returnsRows: boolean;
}

class NodeSqliteConnection implements DatabaseConnection {
	readonly #database: DatabaseSync;
	/** By their text, the least recently used first. */
	readonly #statements = new Map<string, Prepared>();

	constructor(database: DatabaseSync) {
		this.#database = database;
	}

	run(text: string): void {
		this.#prepare(text).statement.run();
	}

	async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
		// SQLite obeys a setting when it is prepared, not when it is run.
		if (query.sql.startsWith('pragma synchronous =')) {
			this.#database.exec(query.sql);
			return { rows: [] };
		}
		const { statement, returnsRows } = this.#prepare(query.sql);
		const parameters = query.parameters as SQLInputValue[];
		if (returnsRows) return { rows: statement.all(...parameters) as Row[] };
		return { rows: [], numAffectedRows: BigInt(statement.run(...parameters).changes) };
	}

	async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
		throw new Error('Nothing here streams: a stream would hold the only connection.');
	}

	#prepare(text: string): Prepared {
		const known = this.#statements.get(text);
		if (known !== undefined) {
			this.#statements.delete(text);
			this.#statements.set(text, known);
			return known;
		}
		const statement = this.#database.prepare(text);
		const prepared = { statement, returnsRows: statement.columns().length > 0 };
		this.#statements.set(text, prepared);
		if (this.#statements.size > MAX_STATEMENTS) {
			this.#statements.delete(this.#statements.keys().next().value!);
		}
		return prepared;
	}
}

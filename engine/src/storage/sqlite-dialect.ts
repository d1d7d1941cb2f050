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
import type { SqliteThread } from './sqlite-thread.ts';

/**
 * Kysely over Node's own SQLite. There is one connection, and Kysely queues for it: a query, or a
 * transaction with all that it does, has the database to itself.
 */
export class NodeSqliteDialect implements Dialect {
	readonly #thread: SqliteThread;

	constructor(thread: SqliteThread) {
		this.#thread = thread;
	}

	createDriver(): Driver {
		return new NodeSqliteDriver(this.#thread);
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
	readonly #thread: SqliteThread;
	readonly #connection: NodeSqliteConnection;

	constructor(thread: SqliteThread) {
		this.#thread = thread;
		this.#connection = new NodeSqliteConnection(thread);
	}

	async init(): Promise<void> {}

	async acquireConnection(): Promise<DatabaseConnection> {
		return this.#connection;
	}

	async beginTransaction(): Promise<void> {
		this.#connection.begin();
	}

	async commitTransaction(): Promise<void> {
		await this.#connection.end('commit');
	}

	async rollbackTransaction(): Promise<void> {
		await this.#connection.end('rollback');
	}

	async releaseConnection(): Promise<void> {}

	async destroy(): Promise<void> {
		await this.#thread.close();
	}
}

class NodeSqliteConnection implements DatabaseConnection {
	readonly #thread: SqliteThread;
	/** A transaction was asked for and begins with the next statement: one trip less. */
	#begins = false;

	constructor(thread: SqliteThread) {
		this.#thread = thread;
	}

	begin(): void {
		this.#begins = true;
	}

	/** Of a transaction without a statement the thread was never told. */
	async end(text: 'commit' | 'rollback'): Promise<void> {
		const hasBegun = !this.#begins;
		this.#begins = false;
		if (hasBegun) await this.#thread.run({ text, parameters: [], begins: false });
	}

	async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
		const begins = this.#begins;
		this.#begins = false;
		const { sql: text, parameters } = query;
		const { rows, changes } = await this.#thread.run({ text, parameters, begins });
		return { rows: rows as Row[], numAffectedRows: BigInt(changes) };
	}

	async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
		throw new Error('Nothing here streams: a stream would hold the only connection.');
	}
}

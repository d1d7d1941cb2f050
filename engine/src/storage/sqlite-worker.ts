/**
 * The inside of the thread that has the SQLite file (`sqlite-thread.ts`): it opens the file, then
 * runs one statement after another in the order of their coming, and answers each.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { Outcome, Reply, SqliteFile, Statement } from './sqlite-thread.ts';

/** Far more than the engine has queries; lists of other lengths make other texts of the same one. */
const MAX_PREPARED = 300;

const NOTHING: Outcome = { rows: [], changes: 0 };

interface Prepared {
	readonly statement: StatementSync;
	readonly returnsRows: boolean;
}

class Connection {
	readonly #database: DatabaseSync;
	/** By their text, the least recently used first. */
	readonly #prepared = new Map<string, Prepared>();

	constructor({ path, busyTimeoutMs }: SqliteFile) {
		this.#database = new DatabaseSync(path, { timeout: busyTimeoutMs });
	}

	run({ text, parameters, begins }: Statement): Outcome {
		// Takes the write lock at once. A transaction that reads first and asks for it later would
		// fail where another program has written in between, however long it waits.
		if (begins) this.#prepare('begin immediate').statement.run();
		// A full disk, for one, makes SQLite roll back by itself; then nothing is left to roll back.
		if (text === 'rollback' && !this.#database.isTransaction) return NOTHING;
		const { statement, returnsRows } = this.#prepare(text);
		const values = parameters as SQLInputValue[];
		if (returnsRows) return { rows: statement.all(...values), changes: 0 };
		return { rows: [], changes: Number(statement.run(...values).changes) };
	}

	close(): Outcome {
		this.#database.close();
		return NOTHING;
	}

	#prepare(text: string): Prepared {
		const known = this.#prepared.get(text);
		this.#prepared.delete(text);
		const prepared = known ?? prepare(this.#database, text);
		// SQLite obeys a setting when it is prepared, not when it is run.
		if (!text.startsWith('pragma')) this.#prepared.set(text, prepared);
		if (this.#prepared.size > MAX_PREPARED) {
			this.#prepared.delete(this.#prepared.keys().next().value!);
		}
		return prepared;
	}
}

function prepare(database: DatabaseSync, text: string): Prepared {
	const statement = database.prepare(text);
	return { statement, returnsRows: statement.columns().length > 0 };
}

function attempt(work: () => Outcome): Reply {
	try {
		return work();
	} catch (error) {
		// A copy of an error keeps its message, but not what SQLite adds to it.
		const { code, errcode } = error as Error & { code?: string; errcode?: number };
		return { error: error as Error, details: { code, errcode } };
	}
}

const engine = parentPort!;
let connection: Connection;

engine.postMessage(
	attempt(() => {
		connection = new Connection(workerData as SqliteFile);
		return NOTHING;
	}),
);
engine.on('message', (asked: Statement | 'close') => {
	engine.postMessage(
		attempt(() => (asked === 'close' ? connection.close() : connection.run(asked))),
	);
});

import type { Kysely } from 'kysely';
import type { Log } from '../app/ports.ts';
import { migrate } from './migrate.ts';
import { openPostgres, postgresFault } from './postgres-database.ts';
import { PostgresPresence } from './postgres-presence.ts';
import type { DialectName, Schema } from './schema.ts';
import { openSqlite, sqliteFault } from './sqlite-database.ts';

export interface DatabaseOptions {
	/** URL of a Postgres database; where there is one, the file is not used. */
	readonly url?: string | undefined;
	/** Path of the SQLite file, which is made when there is none. */
	readonly file?: string | undefined;
	readonly log: Log;
}

export interface Database {
	readonly db: Kysely<Schema>;
	readonly dialect: DialectName;
	/** Does the work if no other engine uses the database, and before another one can. */
	readonly whenAlone: (work: () => Promise<void>) => Promise<void>;
	readonly close: () => Promise<void>;
}

/** Opens the database and brings its tables up to date; throws a `StorageError` when it cannot. */
export async function openDatabase({ url, file, log }: DatabaseOptions): Promise<Database> {
	if (url !== undefined) return postgresDatabase(url, log);
	if (file !== undefined) return sqliteDatabase(file);
	throw new TypeError('A database needs a url or a file.');
}

async function sqliteDatabase(file: string): Promise<Database> {
	const { db, release } = await openSqlite(file);
	const close = async () => {
		await db.destroy();
		release();
	};
	try {
		await migrate(db, 'sqlite');
		// Nobody else can open the file.
		return { db, dialect: 'sqlite', whenAlone: (work) => work(), close };
	} catch (error) {
		await close();
		throw sqliteFault(error, file);
	}
}

async function postgresDatabase(url: string, log: Log): Promise<Database> {
	const { db, hangUp } = openPostgres(url, log);
	try {
		await migrate(db, 'postgres');
		const presence = new PostgresPresence(db);
		return {
			db,
			dialect: 'postgres',
			whenAlone: (work) => presence.whenAlone(work),
			close: async () => {
				presence.leave();
				await db.destroy();
			},
		};
	} catch (error) {
		await db.destroy();
		hangUp();
		throw postgresFault(error, url);
	}
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql, type Kysely } from 'kysely';
import { openDatabase as open } from '../../engine/src/storage/database.ts';
import type { DialectName, Schema } from '../../engine/src/storage/schema.ts';
import { storageOn, type OpenStorage } from '../../engine/src/storage/storage.ts';
import { freshDatabase } from './postgres.ts';
import { ids, silentLog } from './system.ts';

/** Both databases that the engine runs on; a repository's tests run on each. */
export const DIALECTS = ['sqlite', 'postgres'] as const satisfies readonly DialectName[];

export const SECRETS_KEY = 'a secrets key for tests, long enough';

/** Children first, for nothing may be gone that a row still points to. */
const FILLED_TABLES = [
	'webhook_replays',
	'webhook_deliveries',
	'webhook_endpoints',
	'events',
	'messages',
	'journal',
	'auth_state',
	'pairing_links',
	'transitions',
	'audit',
	'instances',
	'api_keys',
	'customers',
] as const satisfies readonly (keyof Schema)[];

export interface DatabaseLocation {
	readonly url?: string;
	readonly file?: string;
}

export interface TestDatabase {
	readonly storage: OpenStorage;
	/** The tables behind the storage, to look at. */
	readonly db: Kysely<Schema>;
	readonly location: DatabaseLocation;
	/** Removes every row that a test may have added. */
	empty(): Promise<void>;
	close(): Promise<void>;
}

/** A real and empty database of its own. Open it once per file and empty it between tests. */
export async function openDatabase(dialect: DialectName): Promise<TestDatabase> {
	const { location, remove } = await freshLocation(dialect);
	const database = await open({ ...location, log: silentLog });
	const { db } = database;
	// As on the Postgres server of the tests: nothing here needs to survive a power cut.
	if (dialect === 'sqlite') await sql`pragma synchronous = off`.execute(db);
	const storage = await storageOn(database, { secretsKey: SECRETS_KEY, ids });
	return {
		storage,
		db,
		location,
		empty: () =>
			db.transaction().execute(async (transaction) => {
				for (const table of FILLED_TABLES) await transaction.deleteFrom(table).execute();
			}),
		close: async () => {
			await database.close();
			remove();
		},
	};
}

/** Where nothing is yet. Nobody needs to remove a Postgres database: it goes with its server. */
export async function freshLocation(
	dialect: DialectName,
): Promise<{ readonly location: DatabaseLocation; remove(): void }> {
	if (dialect === 'postgres') {
		return { location: { url: await freshDatabase('storage') }, remove: () => undefined };
	}
	const folder = mkdtempSync(join(tmpdir(), 'whatisup-storage-'));
	return {
		location: { file: join(folder, 'engine.sqlite') },
		remove: () => rmSync(folder, { recursive: true, force: true }),
	};
}

import { accessSync, closeSync, constants, openSync, realpathSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';
import { NodeSqliteDialect } from './sqlite-dialect.ts';
import { SqliteThread } from './sqlite-thread.ts';
import { StorageError, type StorageErrorCode } from './storage-error.ts';

/** Such as `sqlite3`, in somebody's hands. */
const BUSY_TIMEOUT_MS = 5_000;

/** Long enough for an engine that was just killed to be gone, too short to notice otherwise. */
const LOCK_TIMEOUT_MS = 500;

const CACHE_KIB = 32 * 1024;

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html. */
const FAULTS: Readonly<Record<number, readonly [StorageErrorCode, string]>> = {
	5: ['file_in_use', 'another program has locked it'],
	8: ['file_unavailable', 'it is read-only'],
	10: ['file_unavailable', 'the disk failed to read or write'],
	11: ['file_not_a_database', 'it is damaged'],
	13: ['file_unavailable', 'the disk is full'],
	14: ['file_unavailable', 'it is not a file that can be opened'],
	23: ['file_unavailable', 'permission denied'],
	26: ['file_not_a_database', 'it is not an SQLite database'],
};

/** The byte of a result code that says what kind it is; the others say more. */
const PRIMARY_CODE = 0xff;

const REASONS: Readonly<Record<string, string>> = {
	EACCES: 'permission denied',
	EPERM: 'permission denied',
	ENOENT: 'its folder does not exist',
	ENOTDIR: 'its folder is a file',
	ENOSPC: 'the disk is full',
	EROFS: 'the file system is read-only',
};

/** Opens the file, or makes it, and keeps every other engine out until the database is closed. */
export async function openSqlite(
	file: string,
): Promise<{ db: Kysely<Schema>; release: () => void }> {
	makeFile(file);
	const path = realpathSync(file);
	const release = lockOut(`${path}.lock`, path);
	try {
		const thread = await SqliteThread.open({ path, busyTimeoutMs: BUSY_TIMEOUT_MS });
		const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(thread) });
		try {
			await setPragmas(db, path);
		} catch (error) {
			await db.destroy();
			throw error;
		}
		return { db, release };
	} catch (error) {
		release();
		throw sqliteFault(error, file);
	}
}

/** What an error of SQLite or of the file system means to the person who starts the engine. */
export function sqliteFault(error: unknown, file: string): unknown {
	if (error instanceof StorageError) return error;
	const { errcode, code, message } = error as Error & { errcode?: number; code?: string };
	if (errcode === undefined && code === undefined) return error;
	const [fault, reason] =
		errcode === undefined
			? (['file_unavailable', REASONS[code ?? '']] as const)
			: (FAULTS[errcode & PRIMARY_CODE] ?? (['database_failed', undefined] as const));
	return new StorageError(fault, `Cannot use ${file}: ${reason ?? message}.`, { cause: error });
}

async function setPragmas(db: Kysely<Schema>, path: string): Promise<void> {
	const { rows } = await sql<{ journal_mode: string }>`pragma journal_mode = wal`.execute(db);
	if (rows[0]?.journal_mode !== 'wal') {
		throw new StorageError(
			'file_unavailable',
			`Cannot use ${path}: its file system cannot hold a write-ahead log.`,
		);
	}
	// Every commit is on the disk before anyone is told of it. The second line is for macOS, where
	// a plain fsync leaves the data in the drive's own cache.
	await sql`pragma synchronous = full`.execute(db);
	await sql`pragma fullfsync = on`.execute(db);
	await sql`pragma foreign_keys = on`.execute(db);
	// The pages that every event changes stay in memory.
	await sql.raw(`pragma cache_size = -${CACHE_KIB}`).execute(db);
}

/**
 * Holds a lock that the operating system lets go of when the process ends, however it ends: an
 * exclusive transaction on an empty SQLite file beside the database. SQLite could lock the
 * database itself for good (`locking_mode = exclusive`), but that shuts out readers too, and being
 * able to look into the file of a running engine is worth a second file.
 */
function lockOut(lockFile: string, file: string): () => void {
	makeFile(lockFile);
	let lock: DatabaseSync | undefined;
	try {
		lock = new DatabaseSync(lockFile, { timeout: LOCK_TIMEOUT_MS });
		lock.exec('begin exclusive');
		const held = lock;
		return () => held.close();
	} catch (error) {
		lock?.close();
		const fault = sqliteFault(error, lockFile);
		if (!(fault instanceof StorageError) || fault.code !== 'file_in_use') throw fault;
		throw new StorageError('file_in_use', `Another engine is running on ${file}.`);
	}
}

/** Ours alone from the first byte: SQLite would let the umask decide who else may read it. */
function makeFile(file: string): void {
	try {
		closeSync(openSync(file, 'wx', 0o600));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw sqliteFault(error, file);
		checkAccess(file);
	}
}

/** SQLite opens what it may not write for reading only, and says so at the first write. */
function checkAccess(file: string): void {
	try {
		accessSync(file, constants.R_OK | constants.W_OK);
	} catch (error) {
		throw sqliteFault(error, file);
	}
}

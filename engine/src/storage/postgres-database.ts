import { Socket } from 'node:net';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Log } from '../app/ports.ts';
import type { Schema } from './schema.ts';
import { StorageError, type StorageErrorCode } from './storage-error.ts';

/** Some to wait for rows and some to go on; nine engines fit into the hundred of a default server. */
const MAX_CONNECTIONS = 10;

const CONNECT_TIMEOUT_MS = 5_000;

/** How long a connection may be silent before the system asks whether the other end still lives. */
const KEEP_ALIVE_AFTER_MS = 10_000;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const FAULTS: Readonly<Record<string, StorageErrorCode>> = {
	'28000': 'access_refused',
	'28P01': 'access_refused',
	'42501': 'access_refused',
	'3D000': 'database_missing',
	'53300': 'server_unreachable',
	'57P03': 'server_unreachable',
};

/**
 * Answers at once; whether the server is there, the first query shows. `hangUp` is for when it does
 * not go well: pg keeps the line open to a server that asks for a password it was not given.
 */
export function openPostgres(url: string, log: Log): { db: Kysely<Schema>; hangUp: () => void } {
	const sockets = new Set<Socket>();
	const pool = new pg.Pool({
		connectionString: checked(url),
		max: MAX_CONNECTIONS,
		connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
		keepAlive: true,
		keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
		application_name: 'whatisup-engine',
		types: { getTypeParser },
		stream: () => {
			const socket = new Socket();
			sockets.add(socket);
			return socket.once('close', () => sockets.delete(socket));
		},
	});
	// A connection that breaks leaves the pool by itself, and a query that it was busy with fails.
	// Between two queries, though, its error is an event, which ends the process if nobody listens:
	// on the connection where a transaction holds it, and on the pool where it is idle.
	pool.on('connect', (connection) =>
		connection.on('error', ({ message }) =>
			log.warn({ reason: message }, 'a database connection broke'),
		),
	);
	pool.on('error', () => undefined);
	return {
		db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }),
		hangUp: () => sockets.forEach((socket) => socket.destroy()),
	};
}

/** What an error of the server, or of the way to it, means to the person who starts the engine. */
export function postgresFault(error: unknown, url: string): unknown {
	if (error instanceof StorageError) return error;
	const server = `Postgres at ${new URL(url).host || 'the local socket'}`;
	const { code, message } = error as Error & { code?: string };
	if (error instanceof pg.DatabaseError) {
		const fault = FAULTS[code ?? ''] ?? 'database_failed';
		return new StorageError(fault, `${server} answered: ${message}.`, { cause: error });
	}
	// The one refusal that pg finds out itself: there is nothing to answer the server's question.
	if (message.includes('client password must be a string')) {
		return new StorageError('access_refused', `${server} asks for a password.`, { cause: error });
	}
	const reason = message || code;
	return new StorageError('server_unreachable', `${server} cannot be reached: ${reason}.`, {
		cause: error,
	});
}

/** The faulty text is in no message and no cause, for it holds the password. */
function checked(url: string): string {
	if (!isPostgresUrl(url)) {
		throw new StorageError('url_invalid', 'DATABASE_URL is not the URL of a Postgres database.');
	}
	return url;
}

function isPostgresUrl(url: string): boolean {
	try {
		const { protocol, username, password, pathname } = new URL(url);
		[username, password, pathname].forEach(decodeURIComponent);
		return protocol === 'postgres:' || protocol === 'postgresql:';
	} catch {
		return false;
	}
}

/** Instants and counts are far below 2^53, where a number is as good as the bigint's text. */
const getTypeParser: typeof pg.types.getTypeParser = (type, format) =>
	type === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(type, format) as unknown);

/**
 * Every way the database can keep the engine from starting. The hint says what a person can do;
 * the message of each error says what was found, in one line and without any password.
 */
const HINTS = {
	file_unavailable:
		'Check that the folder exists, has room, and belongs to the user that runs the engine.',
	file_not_a_database:
		'Move the file away to start afresh, or put the right one back from a backup.',
	file_in_use: 'Stop the other engine first, or give this one a data folder of its own.',
	url_invalid:
		'Write it as postgres://user:password@host:5432/database, with special characters of the ' +
		'password percent-encoded.',
	server_unreachable: 'Check that the server runs, and that its host and port are right.',
	access_refused: 'Check the user and password in the URL, and what the user may do.',
	database_missing: 'Create the database, or correct its name in the URL.',
	foreign_database: 'Give the engine a database of its own.',
	newer_schema: 'Run the newer engine again, or restore the backup from before its first start.',
	wrong_secrets_key: 'Set SECRETS_KEY to the key that this database was first started with.',
	database_failed: 'Look for the cause in the log of the database.',
} as const satisfies Record<string, string>;

export type StorageErrorCode = keyof typeof HINTS;

/** Why storage could not be opened. Nothing was changed, and a repeat may work once it is mended. */
export class StorageError extends Error {
	override readonly name = 'StorageError';
	readonly code: StorageErrorCode;
	readonly hint: string;

	constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
		this.hint = HINTS[code];
	}
}

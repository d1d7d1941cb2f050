import { sql, type Kysely } from 'kysely';
import type { IdSource, Storage, Stores } from '../app/ports.ts';
import { ApiKeysRepository } from './api-keys-repository.ts';
import { AuditRepository } from './audit-repository.ts';
import { AuthStateRepository } from './auth-state-repository.ts';
import { CustomersRepository } from './customers-repository.ts';
import { openDatabase, type Database, type DatabaseOptions } from './database.ts';
import { againAfterDeadlock } from './deadlock.ts';
import { DeliveriesRepository } from './deliveries-repository.ts';
import { DeliveryQueueRepository } from './delivery-queue.ts';
import { EndpointsRepository } from './endpoints-repository.ts';
import { EventsRepository } from './events-repository.ts';
import { InstancesRepository } from './instances-repository.ts';
import { JournalRepository } from './journal-repository.ts';
import { MessagesRepository } from './messages-repository.ts';
import { PairingLinksRepository } from './pairing-links-repository.ts';
import { PayloadsRepository } from './payloads-repository.ts';
import { ReplaysRepository } from './replays-repository.ts';
import type { DialectName, Schema } from './schema.ts';
import { SecretBox } from './secret-box.ts';
import { SettingsRepository } from './settings-repository.ts';
import { StorageError } from './storage-error.ts';
import { inTransaction } from './transaction.ts';
import { TransitionsRepository } from './transitions-repository.ts';

export interface StorageKeys {
	/** Seals the secrets in the database; whoever opens it again needs the same one. */
	readonly secretsKey: string;
	/** Names events and deliveries. */
	readonly ids: IdSource;
}

export interface OpenStorage extends Storage {
	/**
	 * Does the work if no other engine uses the database, and before another one can: what is half
	 * done there is nobody's any more. To be called once, when the engine starts.
	 */
	whenAlone(work: () => Promise<void>): Promise<void>;
	/** Ends every connection; what is under way by then fails. */
	close(): Promise<void>;
}

/**
 * Opens the database, brings its tables up to date and checks that the secrets key is the one it
 * was first opened with. Throws a `StorageError` whose message and hint are fit for people.
 */
export async function openStorage(options: DatabaseOptions & StorageKeys): Promise<OpenStorage> {
	const database = await openDatabase(options);
	try {
		return await storageOn(database, options);
	} catch (error) {
		await database.close();
		throw error;
	}
}

/**
 * In a `transaction` only the stores that it hands out take part. With SQLite, waiting inside one
 * for a store from outside it waits for ever: there is one connection, and the transaction has it.
 */
export async function storageOn(
	{ db, dialect, whenAlone, close }: Database,
	{ secretsKey, ids }: StorageKeys,
): Promise<OpenStorage> {
	const box = new SecretBox(secretsKey);
	await checkSecretsKey(db, box);
	const shared = { dialect, box, ids };
	return {
		...storesOn(db, shared),
		transaction: (work) =>
			againAfterDeadlock(() => inTransaction(db, (inside) => work(storesOn(inside, shared)))),
		ping: async () => {
			await sql`select 1`.execute(db);
		},
		whenAlone,
		close,
	};
}

interface Shared {
	readonly dialect: DialectName;
	readonly box: SecretBox;
	readonly ids: IdSource;
}

function storesOn(db: Kysely<Schema>, { dialect, box, ids }: Shared): Stores {
	return {
		apiKeys: new ApiKeysRepository(db),
		customers: new CustomersRepository(db),
		settings: new SettingsRepository(db),
		instances: new InstancesRepository(db, box),
		messages: new MessagesRepository(db, dialect),
		journal: new JournalRepository(db, dialect, box),
		authState: new AuthStateRepository(db, dialect, box),
		events: new EventsRepository(db, dialect, ids),
		endpoints: new EndpointsRepository(db, dialect, box),
		deliveries: new DeliveriesRepository(db, dialect),
		queue: new DeliveryQueueRepository(db, dialect, box),
		replays: new ReplaysRepository(db),
		payloads: new PayloadsRepository(db, dialect),
		transitions: new TransitionsRepository(db),
		audit: new AuditRepository(db),
		pairingLinks: new PairingLinksRepository(db),
	};
}

/** The first start leaves a sealed word behind; every later one must be able to open it. */
async function checkSecretsKey(db: Kysely<Schema>, box: SecretBox): Promise<void> {
	const owner = ['settings', 'secrets_key_check'];
	const word = Buffer.from(box.seal(Buffer.from('whatisup'), owner)).toString('base64');
	const kept = await new SettingsRepository(db).settle('secrets_key_check', word);
	try {
		box.open(Buffer.from(kept, 'base64'), owner);
	} catch (error) {
		throw new StorageError(
			'wrong_secrets_key',
			'The secrets in the database were sealed with another SECRETS_KEY.',
			{ cause: error },
		);
	}
}

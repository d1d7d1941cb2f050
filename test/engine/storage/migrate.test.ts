import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql, type Kysely } from 'kysely';
import type { Instance } from '../../../engine/src/app/ports.ts';
import { idPattern, type CustomerId } from '../../../engine/src/domain/ids.ts';
import { openDatabase, type Database } from '../../../engine/src/storage/database.ts';
import { DEFAULT_FILTERS } from '../../../engine/src/domain/subscription.ts';
import { up as firstTables } from '../../../engine/src/storage/migrations/0001-first-tables.ts';
import { openPostgres } from '../../../engine/src/storage/postgres-database.ts';
import type { Schema } from '../../../engine/src/storage/schema.ts';
import { SecretBox } from '../../../engine/src/storage/secret-box.ts';
import { sealSigningSecrets } from '../../../engine/src/storage/signing-secrets.ts';
import { openSqlite } from '../../../engine/src/storage/sqlite-database.ts';
import { storageOn } from '../../../engine/src/storage/storage.ts';
import {
	DIALECTS,
	freshLocation,
	SECRETS_KEY,
	type DatabaseLocation,
} from '../../support/databases.ts';
import { ids, silentLog } from '../../support/system.ts';
import { anInstance, aTurn, MINUTE, NOON } from './records.ts';

/** A database of another version has other columns than those of `Schema`. */
type AnySchema = Record<string, Record<string, unknown>>;

const CONNECTED = { state: 'connected', reason: null, attempt: 0 } as const;

const ALL = ['0001-first-tables', '0002-life-cycle', '0003-webhooks', '0004-failed-attempts'];

describe.each(DIALECTS)('Migrations on %s', (dialect) => {
	let location: DatabaseLocation;
	let remove: () => void;

	beforeEach(async () => {
		({ location, remove } = await freshLocation(dialect));
	});

	afterEach(() => remove());

	it('make the tables once, and find them made ever after', async () => {
		const first = await open();
		await first.db.insertInto('settings').values({ name: 'a', value: 'kept' }).execute();
		const ledger = await applied(first);
		await first.close();

		const second = await open();

		expect(await applied(second)).toEqual(ledger);
		expect(ledger).toEqual(ALL);
		const kept = await second.db.selectFrom('settings').select('value').executeTakeFirst();
		expect(kept?.value).toBe('kept');
		await second.close();
	});

	it('touch nothing that a newer engine has made', async () => {
		const newer = await open();
		await newer.db
			.insertInto('whatisup_migrations')
			.values({ name: '9999-of-the-future', applied_at: 0 })
			.execute();
		await newer.close();

		await expect(open()).rejects.toMatchObject({
			code: 'newer_schema',
			message: expect.stringContaining('9999-of-the-future'),
		});
	});

	it('touch nothing that belongs to another program', async () => {
		await runInside('create table workflow_entity (id integer)');

		await expect(open()).rejects.toMatchObject({
			code: 'foreign_database',
			message: expect.stringContaining('workflow_entity'),
		});
	});

	it('leave nothing behind when one of them fails', async () => {
		await runInside('create view webhook_deliveries as select 1 as one');

		await expect(open()).rejects.toMatchObject({ code: 'database_failed' });
		await runInside('drop view webhook_deliveries');
		const database = await open();

		expect(await applied(database)).toEqual(ALL);
		await database.close();
	});

	it('bring a database of the first version up to date and keep its rows', async () => {
		const customerId = ids.next('cust');
		const running = anInstance({ customerId, mode: 'live' }, { status: CONNECTED });
		const unused = anInstance({ customerId, mode: 'live' });
		await makeFirstVersion(customerId, [running, unused]);

		const database = await open();
		const storage = await storageOn(database, { secretsKey: SECRETS_KEY, ids });

		expect(await applied(database)).toEqual(ALL);
		expect(await storage.instances.findAny(running.id)).toEqual(running);
		expect(await storage.instances.findAny(unused.id)).toEqual(unused);
		expect(await storage.transitions.list(running.id, { limit: 10 })).toEqual([
			{
				id: expect.stringMatching(idPattern('trn')),
				instanceId: running.id,
				from: 'pending',
				to: 'connected',
				reason: null,
				closeCode: null,
				at: running.statusSince,
				durationMs: null,
			},
		]);
		expect(await storage.transitions.list(unused.id, { limit: 10 })).toEqual([]);
		expect(await lastSequences(database)).toEqual([7, 7]);
		await database.close();
	});

	it('put what is known of the past before all that is to come', async () => {
		const customerId = ids.next('cust');
		const instance = anInstance({ customerId, mode: 'live' }, { status: CONNECTED });
		await makeFirstVersion(customerId, [instance]);
		const database = await open();
		const { transitions } = await storageOn(database, { secretsKey: SECRETS_KEY, ids });

		await transitions.add({
			id: ids.next('trn'),
			instanceId: instance.id,
			from: 'connected',
			to: 'stopped',
			reason: 'stopped_by_user',
			closeCode: null,
			at: NOON + MINUTE,
		});

		expect(await transitions.list(instance.id, { limit: 10 })).toMatchObject([
			{ to: 'stopped', durationMs: null },
			{ to: 'connected', durationMs: MINUTE },
		]);
		await database.close();
	});

	it('keep endpoints and what they have yet to receive', async () => {
		const customerId = ids.next('cust');
		const instance = anInstance({ customerId, mode: 'live' });
		await makeFirstVersion(customerId, [instance]);
		const rows = firstWebhookRows(instance);
		await inside(async (db) => {
			await db.insertInto('webhook_endpoints').values(rows.endpoint).execute();
			await db.insertInto('events').values(rows.event).execute();
			await db.insertInto('webhook_deliveries').values(rows.delivery).execute();
		});

		const database = await open();
		const storage = await storageOn(database, { secretsKey: SECRETS_KEY, ids });
		const { id } = rows.endpoint;
		const [claimed] = await storage.queue.turn(aTurn({ claim: new Map([[id, 10]]) }));

		expect(await storage.endpoints.find(instance, id)).toMatchObject({
			url: 'https://n8n.example.com/',
			events: ['message.sent'],
			instanceIds: [instance.id],
			filters: DEFAULT_FILTERS,
			ordered: true,
			enabled: true,
			disabledReason: null,
		});
		expect(claimed).toMatchObject({
			destination: { signingSecrets: ['whsec_old'] },
			deliveries: [{ id: rows.delivery.id, body: '{"kept":true}', attempt: 3, attemptOfRun: 3 }],
		});
		const orphan = database.db.deleteFrom('events').execute();
		await expect(orphan).rejects.toThrow(/foreign key/i);
		await database.close();
	});

	/** The tables of 0001 with these instances, in the columns that there were. */
	async function makeFirstVersion(customerId: CustomerId, instances: Instance[]): Promise<void> {
		await inside(async (db) => {
			await db.schema
				.createTable('whatisup_migrations')
				.addColumn('name', 'text', (column) => column.primaryKey())
				.addColumn('applied_at', dialect === 'sqlite' ? 'integer' : 'bigint')
				.execute();
			await firstTables(db as unknown as Kysely<unknown>, dialect);
			const ledger = { name: '0001-first-tables', applied_at: NOON };
			await db.insertInto('whatisup_migrations').values(ledger).execute();
			const customer = { id: customerId, name: 'default', created_at: NOON };
			await db.insertInto('customers').values(customer).execute();
			for (const instance of instances) {
				await db.insertInto('instances').values(firstColumns(instance)).execute();
			}
		});
	}

	function open(): Promise<Database> {
		return openDatabase({ ...location, log: silentLog });
	}

	async function runInside(text: string): Promise<void> {
		await inside((db) => sql.raw(text).execute(db));
	}

	/** Works on the database as it is, without any migration. */
	async function inside(work: (db: Kysely<AnySchema>) => Promise<unknown>): Promise<void> {
		const { url, file } = location;
		const [db, release] = url === undefined ? await sqlite(file!) : postgres(url);
		await work(db as unknown as Kysely<AnySchema>);
		await db.destroy();
		release();
	}
});

async function sqlite(file: string): Promise<[Kysely<Schema>, () => void]> {
	const { db, release } = await openSqlite(file);
	return [db, release];
}

function postgres(url: string): [Kysely<Schema>, () => void] {
	const { db, hangUp } = openPostgres(url, silentLog);
	return [db, hangUp];
}

async function applied({ db }: Database): Promise<string[]> {
	const rows = await db.selectFrom('whatisup_migrations').select('name').orderBy('name').execute();
	return rows.map(({ name }) => name);
}

async function lastSequences({ db }: Database): Promise<number[]> {
	const rows = await db.selectFrom('instances').select('last_sequence').execute();
	return rows.map(({ last_sequence }) => last_sequence);
}

function firstWebhookRows(instance: Instance) {
	const { customerId, mode } = instance;
	const owner = { customer_id: customerId, mode, instance_id: instance.id };
	const times = { created_at: NOON, updated_at: NOON };
	const endpoint = {
		...owner,
		...times,
		id: ids.next('wh'),
		url: 'https://n8n.example.com/',
		events: '["message.sent"]',
		enabled: 1,
		has_custom_signing_secret: 0,
		deleted_at: null,
	};
	const box = new SecretBox(SECRETS_KEY);
	const event = {
		...owner,
		id: ids.next('evt'),
		event: 'message.sent',
		sequence: 7,
		occurred_at: NOON,
		body: '{"kept":true}',
		correlation_id: null,
	};
	const delivery = {
		...owner,
		...times,
		id: ids.next('dlv'),
		event_id: event.id,
		endpoint_id: endpoint.id,
		event: 'message.sent',
		host: 'n8n.example.com',
		status: 'retrying',
		attempts: 2,
		due_at: NOON,
		held: 0,
		last_error: 'The receiver answered 500.',
		last_response_status: 500,
		delivered_at: null,
	};
	const sealed = sealSigningSecrets(box, endpoint.id, ['whsec_old']);
	return { endpoint: { ...endpoint, sealed_signing_secrets: sealed }, event, delivery };
}

function firstColumns(instance: Instance) {
	return {
		id: instance.id,
		customer_id: instance.customerId,
		mode: instance.mode,
		name: instance.name,
		metadata: JSON.stringify(instance.metadata),
		state: instance.status.state,
		status_reason: instance.status.reason,
		attempt: instance.status.attempt,
		status_since: instance.statusSince,
		account: null,
		last_seen_at: instance.lastSeenAt,
		last_sequence: 7,
		created_at: instance.createdAt,
		updated_at: instance.updatedAt,
		deleted_at: null,
	};
}

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openStorage } from '../../../engine/src/storage/storage.ts';
import {
	DIALECTS,
	freshLocation,
	openDatabase,
	SECRETS_KEY,
	type TestDatabase,
} from '../../support/databases.ts';
import { ids, silentLog } from '../../support/system.ts';
import { anEndpoint, anInbound, moveIn, NOON, sent, type Household } from './records.ts';

const ENTRY = { stanza: Buffer.from('<message/>'), plaintext: Buffer.from('hi'), receivedAt: NOON };

describe.each(DIALECTS)('Storage on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('commits what a received message causes together', async () => {
		const { storage } = database;
		const [entry] = await prepareArrival();

		const deliveries = await receive(entry!.id);

		expect(deliveries).toBe(1);
		expect(await storage.journal.list(10)).toEqual([]);
		expect(await deliveriesOf(home)).toHaveLength(1);
	});

	it('takes back all that a received message caused when one part fails', async () => {
		const { storage } = database;
		const [entry] = await prepareArrival();

		const attempt = receive(entry!.id, () => {
			throw new Error('the power went');
		});

		await expect(attempt).rejects.toThrow('the power went');
		expect(await storage.journal.list(10)).toEqual([entry]);
		expect(await storage.messages.listQueued(home.instanceId, 10)).toEqual([]);
		expect(await deliveriesOf(home)).toEqual([]);
		expect(await database.db.selectFrom('events').selectAll().execute()).toEqual([]);
		expect(await receive(entry!.id)).toBe(1);
		const [event] = await database.db.selectFrom('events').select('sequence').execute();
		expect(event?.sequence).toBe(1);
	});

	it('goes on after a statement that the database refused', async () => {
		const { storage } = database;
		const message = anInbound(home.instanceId);

		const attempt = storage.transaction(async ({ messages }) => {
			await messages.add([message]);
			await messages.add([anInbound(ids.next('inst'))]);
		});

		await expect(attempt).rejects.toThrow(/foreign key/i);
		expect(await storage.messages.find(home.instanceId, message.id)).toBeUndefined();
		await storage.ping();
	});

	it('keeps a write from outside out of the transaction that runs beside it', async () => {
		const { storage } = database;
		let outside: Promise<void> | undefined;

		const attempt = storage.transaction(async ({ settings }) => {
			await settings.set('inside', '1');
			outside = storage.settings.set('outside', '1');
			await new Promise((resolve) => setTimeout(resolve, 20));
			throw new Error('taken back');
		});

		await expect(attempt).rejects.toThrow('taken back');
		await outside;
		expect(await storage.settings.find('inside')).toBeUndefined();
		expect(await storage.settings.find('outside')).toBe('1');
	});

	it('says so when the database is gone', async () => {
		const { location, remove } = await freshLocation(dialect);
		const storage = await openStorage({
			...location,
			secretsKey: SECRETS_KEY,
			ids,
			log: silentLog,
		});
		await storage.ping();

		await storage.close();

		await expect(storage.ping()).rejects.toThrow();
		remove();
	});

	it('opens again with the same secrets key and with no other', async () => {
		const { location, remove } = await freshLocation(dialect);
		const options = { ...location, ids, log: silentLog };
		const before = await openStorage({ ...options, secretsKey: SECRETS_KEY });
		const { instanceId } = await moveIn(before);
		await before.authState.commit(instanceId, [{ type: 'creds', id: '', value: ENTRY.stanza }]);
		await before.close();

		const wrong = openStorage({ ...options, secretsKey: 'not the key that it was before' });

		await expect(wrong).rejects.toMatchObject({
			code: 'wrong_secrets_key',
			hint: expect.stringContaining('SECRETS_KEY'),
		});
		const after = await openStorage({ ...options, secretsKey: SECRETS_KEY });
		expect((await after.authState.get(instanceId, 'creds', [''])).size).toBe(1);
		await after.close();
		remove();
	});

	async function deliveriesOf({ scope }: Household) {
		const { deliveries } = await database.storage.deliveries.list(scope, {}, { limit: 10 });
		return deliveries;
	}

	function prepareArrival() {
		const { storage } = database;
		return storage.transaction(async ({ endpoints, authState }) => {
			await endpoints.add(anEndpoint(home.scope), 'whsec_a');
			return authState.commit(home.instanceId, [], [ENTRY]);
		});
	}

	function receive(entryId: number, fault: () => void = () => undefined): Promise<number> {
		return database.storage.transaction(async ({ messages, events, journal }) => {
			await messages.add([anInbound(home.instanceId)]);
			const appended = await events.append(home.instanceId, [sent()], NOON);
			await journal.remove([entryId]);
			fault();
			return appended.length;
		});
	}
});

it('leaves no secret in the file of the database or beside it', async () => {
	const database = await openDatabase('sqlite');
	const { storage } = database;
	const home = await moveIn(storage);
	const secret = Buffer.from('the colour of the door is green');
	await storage.authState.commit(
		home.instanceId,
		[{ type: 'creds', id: '', value: secret }],
		[{ stanza: secret, plaintext: secret, receivedAt: NOON }],
	);
	await storage.endpoints.add(anEndpoint(home.scope), secret.toString());

	const folder = dirname(database.location.file!);
	const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));

	expect(files.some((bytes) => bytes.includes(home.instanceId))).toBe(true);
	expect(files.some((bytes) => bytes.includes(secret))).toBe(false);
	await database.close();
});

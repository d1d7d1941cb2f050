import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DeletionSweeper } from '../../../engine/src/app/deletion-sweeper.ts';
import { Endpoints } from '../../../engine/src/app/endpoints.ts';
import type { Endpoint } from '../../../engine/src/app/ports.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { QuietDispatching } from '../../support/quiet-dispatching.ts';
import { eventually, ids, silentLog } from '../../support/system.ts';
import { anEndpoint, MINUTE, moveIn, sent, type Household } from '../storage/records.ts';

const NOTICE_SECONDS = 15;
const NOTICE_MS = NOTICE_SECONDS * 1_000;

describe.each(DIALECTS)('Deletion with notice on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;
	let clock: ManualClock;
	let endpoint: Endpoint;
	let endpoints: Endpoints;
	let sweepers: DeletionSweeper[];
	let dispatching: QuietDispatching;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		clock = new ManualClock();
		sweepers = [];
		dispatching = new QuietDispatching();
		home = await moveIn(database.storage);
		endpoint = await added();
		endpoints = new Endpoints({
			storage: database.storage,
			guard: { check: () => Promise.resolve({ ok: true }) },
			dispatching,
			ids,
			clock,
		});
	});

	afterEach(async () => {
		for (const sweeper of sweepers) await sweeper.stop();
		clock.stop();
		await database.empty();
	});

	afterAll(() => database.close());

	it('lets the endpoint go on receiving until its time', async () => {
		await giveNotice();
		await sweeper().sweep();

		const appended = await append();

		expect(appended).toEqual([endpoint.id]);
		expect(await rows()).toMatchObject([{ status: 'pending', last_error: null }]);
		const { deleteAt } = (await present())!;
		expect(deleteAt! - clock.now()).toBeGreaterThan(NOTICE_MS - MINUTE / 6);
		expect(deleteAt! - clock.now()).toBeLessThanOrEqual(NOTICE_MS);
	});

	it('ends as a deletion does, once and with a row in the audit log', async () => {
		await giveNotice();
		await append();

		clock.advance(NOTICE_MS);
		await Promise.all([sweeper().sweep(), sweeper().sweep()]);

		expect(await present()).toBeUndefined();
		expect(dispatching.resets).toEqual([endpoint.id]);
		expect(await rows()).toMatchObject([{ status: 'failed', last_error: 'endpoint_deleted' }]);
		expect(await append()).toEqual([]);
		expect(await audited()).toEqual([
			{ action: 'endpoint.updated', details: { endpoint_id: endpoint.id, changed: ['deleteAt'] } },
			{ action: 'endpoint.deleted', details: { endpoint_id: endpoint.id } },
		]);
	});

	it('spares the other endpoints', async () => {
		const [other, later] = [await added(), await added()];
		await giveNotice();
		await endpoints.removeAfter(home.scope, later.id, 2 * NOTICE_SECONDS);

		clock.advance(NOTICE_MS);
		await sweeper().sweep();

		const left = await database.storage.endpoints.list(home.scope, { limit: 10 });
		expect(left.map(({ id }) => id)).toEqual([later.id, other.id]);
	});

	it('is done by itself, and by the engine that is started after its time, too', async () => {
		await giveNotice();
		const first = sweeper();
		first.start();
		await first.stop();
		clock.advance(NOTICE_MS);
		expect(await present()).toBeDefined();

		sweeper().start();
		clock.advance(MINUTE);

		await eventually(async () => (await present()) === undefined);
		const second = await added();
		await endpoints.removeAfter(home.scope, second.id, NOTICE_SECONDS);
		clock.advance(NOTICE_MS);
		await eventually(async () => {
			clock.advance(MINUTE / 10);
			return (await database.storage.endpoints.findAny(second.id)) === undefined;
		});
	});

	it('is called off by a change, and what waits is still delivered', async () => {
		await giveNotice();
		await append();

		const changed = await endpoints.change(home.scope, endpoint.id, { events: ['*'] });
		clock.advance(NOTICE_MS);
		await sweeper().sweep();

		expect(changed).toMatchObject({ deleteAt: null, events: ['*'] });
		expect(await present()).toEqual(changed);
		expect(await rows()).toMatchObject([{ status: 'pending', last_error: null }]);
	});

	it('loses against a change that is being written when its time comes', async () => {
		await giveNotice();
		clock.advance(NOTICE_MS);
		const { storage } = database;

		let removing: Promise<boolean> | undefined;
		await storage.transaction(async (stores) => {
			await stores.endpoints.setDeleteAt(endpoint.id, null, clock.now());
			removing = storage.endpoints.removeDue(endpoint.id, clock.now());
			// Long enough for Postgres to see the row as it was, and to wait for it.
			await new Promise((resolve) => setTimeout(resolve, 100));
		});

		expect(await removing).toBe(false);
		expect(await present()).toMatchObject({ deleteAt: null });
	});

	it('is given up with the endpoint when that is deleted before', async () => {
		await giveNotice();
		await endpoints.remove(home.scope, endpoint.id);

		clock.advance(NOTICE_MS);
		await sweeper().sweep();

		expect((await audited()).map(({ action }) => action)).toEqual([
			'endpoint.updated',
			'endpoint.deleted',
		]);
	});

	function sweeper(): DeletionSweeper {
		const made = new DeletionSweeper({
			storage: database.storage,
			dispatching,
			ids,
			clock,
			log: silentLog,
		});
		sweepers.push(made);
		return made;
	}

	async function added(): Promise<Endpoint> {
		const made = anEndpoint(home.scope);
		await database.storage.endpoints.add(made, 'whsec_a');
		return made;
	}

	function giveNotice(): Promise<void> {
		return endpoints.removeAfter(home.scope, endpoint.id, NOTICE_SECONDS);
	}

	function append() {
		return database.storage.events.append(home.instanceId, [sent()], clock.now());
	}

	function present(): Promise<Endpoint | undefined> {
		return database.storage.endpoints.findAny(endpoint.id);
	}

	function rows() {
		return database.db
			.selectFrom('webhook_deliveries')
			.select(['status', 'last_error'])
			.where('endpoint_id', '=', endpoint.id)
			.execute();
	}

	/** Oldest first. */
	async function audited() {
		const all = await database.storage.audit.list(home.scope.customerId, { limit: 100 });
		return all.map(({ action, details }) => ({ action, details })).reverse();
	}
});

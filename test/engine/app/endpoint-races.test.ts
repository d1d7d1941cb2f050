import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EndpointHealthKeeper } from '../../../engine/src/app/endpoint-health.ts';
import { Endpoints } from '../../../engine/src/app/endpoints.ts';
import { Outlet } from '../../../engine/src/app/outlet.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { QuietDispatching } from '../../support/quiet-dispatching.ts';
import { ids, silentLog, systemClock } from '../../support/system.ts';
import { anEndpoint, aTurn, moveIn, NOON, sent, type Household } from '../storage/records.ts';

const TIMES = 10;

describe.each(DIALECTS)('Endpoints on %s, when two things happen at once,', (dialect) => {
	const clock = systemClock;
	let database: TestDatabase;
	let home: Household;
	let endpoints: Endpoints;

	beforeAll(async () => {
		database = await openDatabase(dialect);
		home = await moveIn(database.storage);
		const guard = new ResolvingUrlGuard({ allowPrivate: [] });
		const { storage } = database;
		const dispatching = new QuietDispatching();
		endpoints = new Endpoints({ storage, guard, dispatching, ids, clock });
	});

	afterAll(() => database.close());

	it('keep both of two changes', async () => {
		const { scope } = home;
		const { id } = await add();

		for (let time = 0; time < TIMES; time++) {
			await endpoints.change(scope, id, { filters: { ignoreFromMe: false, ignoreStatus: true } });
			await Promise.all([
				endpoints.change(scope, id, { filters: { ignoreFromMe: true } }),
				endpoints.change(scope, id, { filters: { ignoreStatus: false } }),
			]);
			const { filters } = await endpoints.get(scope, id);
			expect(filters).toMatchObject({ ignoreFromMe: true, ignoreStatus: false });
		}
	});

	it('are both disabled when the receivers of two are gone', async () => {
		const { storage } = database;
		const options = { storage, ids, clock, log: silentLog, announce: () => undefined };
		const keeper = new EndpointHealthKeeper(options);

		for (let time = 0; time < 3; time++) {
			const two = [await add(), await add()];
			const outlets = await Promise.all(two.map(({ id }) => outletOf(id)));
			await Promise.all(outlets.map((outlet) => keeper.disable(outlet, 'gone')));

			for (const { id } of two) {
				expect(await endpoints.get(home.scope, id)).toMatchObject({ disabledReason: 'gone' });
				await endpoints.remove(home.scope, id);
			}
		}
	});

	async function add() {
		const endpoint = anEndpoint(home.scope);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
		return endpoint;
	}

	/** With a destination, as after a claim. */
	async function outletOf(id: Outlet['id']): Promise<Outlet> {
		const { events, queue } = database.storage;
		await events.append(home.instanceId, [sent()], NOON);
		const [claimed] = await queue.turn(aTurn({ claim: new Map([[id, 1]]) }));
		const outlet = new Outlet(id);
		outlet.accept(claimed!, 1);
		return outlet;
	}
});

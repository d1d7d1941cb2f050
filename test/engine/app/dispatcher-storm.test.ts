import { randomInt } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals';
import type { Endpoint } from '../../../engine/src/app/ports.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { DeliveryStorm } from '../../support/delivery-storm.ts';
import { anEndpoint, moveIn } from '../storage/records.ts';
import { SECRET } from './dispatching.ts';

/** The same number makes the same decisions; it does not make the same timing. */
const SEED = Number(process.env['STORM_SEED'] ?? randomInt(2 ** 31));
const STORMS = Number(process.env['STORMS'] ?? 12);
const STEPS = 60;
const STORM_MS = 60_000;
/** What the second endpoint of a storm is like; the first is plain. */
const KINDS: readonly Partial<Endpoint>[] = [
	{},
	{ ordered: false },
	{ maxAgeSeconds: 45 },
	{ maxPerSecond: 2 },
	{ maxPerSecond: 0.02 },
	{ maxAgeSeconds: 120, maxPerSecond: 0.5 },
];

describe.each(DIALECTS)('Deliveries on %s', (dialect) => {
	let database: TestDatabase;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	afterEach(() => database.empty());

	afterAll(() => database.close());

	it.each(Array.from({ length: STORMS }, (_, index) => SEED + index))(
		'all arrive, each chat in its order, whatever happens (STORM_SEED=%i)',
		async (seed) => {
			const { storage } = database;
			const home = await moveIn(storage);
			const kind = KINDS[seed % KINDS.length]!;
			const endpoints = [anEndpoint(home.scope), anEndpoint(home.scope, kind)];
			for (const endpoint of endpoints) {
				await storage.endpoints.add({ ...endpoint, events: ['*'] }, SECRET);
			}
			const storm = new DeliveryStorm({ ...home, storage, dialect, seed, endpoints });

			await storm.rage(STEPS);
			await storm.clearUp();

			// What led to a fault tells more than that there is one.
			if (storm.faults.length > 0) throw new Error([...storm.log, ...storm.faults].join('\n'));
		},
		STORM_MS,
	);
});

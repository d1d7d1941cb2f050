import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Diagnosis } from '../../../engine/src/app/diagnosis.ts';
import type { ReceiverProbe } from '../../../engine/src/app/ports.ts';
import { tooOld } from '../../../engine/src/domain/dropping.ts';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import { openDatabase, type TestDatabase } from '../../support/databases.ts';
import { QuietDispatching } from '../../support/quiet-dispatching.ts';
import { ids, silentLog, systemClock } from '../../support/system.ts';
import { addDeliveries, SUCCEEDED } from '../storage/delivery-rows.ts';
import { anEndpoint, moveIn, sent, type Household } from '../storage/records.ts';

const SILENT: ReceiverProbe = { probe: () => new Promise(() => undefined) };

describe('the doctor for webhooks', () => {
	let database: TestDatabase;
	let household: Household;

	beforeAll(async () => {
		database = await openDatabase('sqlite');
		household = await moveIn(database.storage);
	});

	afterAll(() => database.close());

	it('reports in time, also when one of the facts does not come', async () => {
		const id = await addEndpoint();

		const { findings, healthy } = await diagnosis().examine(household.scope, id);

		const answers = findings.find(({ check }) => check === 'answers');
		expect(answers).toMatchObject({
			severity: 'info',
			message: expect.stringMatching(/^Not checked\./),
		});
		expect(findings.find(({ check }) => check === 'backlog')).toMatchObject({ severity: 'ok' });
		expect(healthy).toBe(true);
	});

	it('tells what was dropped for its age from what the receiver did not take', async () => {
		const id = await addEndpoint({ maxAgeSeconds: 60, failingSince: Date.now() - 5_000 });
		await fail(id, ['The receiver answered 500.', tooOld(60), tooOld(60)]);

		const { findings } = await diagnosis().examine(household.scope, id);

		expect(findings.find(({ check }) => check === 'max_age')).toMatchObject({
			severity: 'warning',
			evidence: { dropped: 2, is_exact: true },
		});
		expect(findings.find(({ check }) => check === 'failing')).toMatchObject({
			severity: 'warning',
			evidence: { last_error: 'The receiver answered 500.' },
		});
		expect(findings.find(({ check }) => check === 'retry_budget')).toMatchObject({
			evidence: { failed: 3 },
		});
	});

	it('counts what waits, however much was delivered since', async () => {
		const id = await addEndpoint();
		const endpoint = { id, ...household.scope };
		const retrying = { status: 'retrying', due_at: Date.now() + 60_000, attempts: 1 } as const;
		await addDeliveries(database.db, endpoint, [
			...Array<object>(3).fill(retrying),
			...Array<object>(5_000).fill(SUCCEEDED),
		]);

		const { findings } = await diagnosis().examine(household.scope, id);

		expect(findings.find(({ check }) => check === 'backlog')).toMatchObject({
			evidence: { waiting: 3, is_exact: true },
		});
	});

	function diagnosis(): Diagnosis {
		return new Diagnosis({
			storage: database.storage,
			dispatching: new QuietDispatching(),
			probe: SILENT,
			...{ ids, clock: systemClock, log: silentLog },
			userAgent: 'whatisup-webhooks/test',
			timeoutMs: 1_000,
		});
	}

	async function addEndpoint(changes: Parameters<typeof anEndpoint>[1] = {}): Promise<EndpointId> {
		const endpoint = anEndpoint(household.scope, changes);
		await database.storage.endpoints.add(endpoint, 'a-secret-for-tests');
		return endpoint.id;
	}

	/** One delivery for each error, the oldest first. */
	async function fail(id: EndpointId, errors: readonly string[]): Promise<void> {
		const events = errors.map((error) => sent(error));
		await database.storage.transaction((stores) =>
			stores.events.append(household.instanceId, events, Date.now()),
		);
		const rows = await database.db
			.selectFrom('webhook_deliveries')
			.select('id')
			.where('endpoint_id', '=', id)
			.orderBy('id')
			.execute();
		for (const [index, row] of rows.entries()) {
			await database.db
				.updateTable('webhook_deliveries')
				.set({ status: 'failed', due_at: null, last_error: errors[index]! })
				.where('id', '=', row.id)
				.execute();
		}
	}
});

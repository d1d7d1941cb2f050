import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditRow } from '../../../engine/src/app/ports.ts';
import type { AuditId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { moveIn, NOON, type Household } from './records.ts';

describe.each(DIALECTS)('AuditRepository on %s', (dialect) => {
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

	it('gives back what was added, newest first', async () => {
		const first = await add({ details: { reason: 'stuck', restarts: [1, null], who: 'Zoë 🥐' } });
		const second = await add({ instanceId: null, correlationId: null, details: {} });

		expect(await list(10)).toEqual([second, first]);
	});

	it('pages without a gap or a repeat', async () => {
		const rows: AuditRow[] = [];
		for (let count = 0; count < 5; count++) rows.unshift(await add());

		const first = await list(2);
		const second = await list(2, first.at(-1)!.id);
		const third = await list(2, second.at(-1)!.id);

		expect([...first, ...second, ...third]).toEqual(rows);
	});

	it('shows a row to its own customer only', async () => {
		await add();

		expect(await database.storage.audit.list(ids.next('cust'), { limit: 10 })).toEqual([]);
	});

	it('outlives the instance that it speaks of', async () => {
		const row = await add();

		await database.storage.instances.remove(home.instanceId, NOON);

		expect(await list(10)).toEqual([row]);
	});

	it('has nothing of an act that failed', async () => {
		const fault = new Error('power cut');

		const work = database.storage.transaction(async (stores) => {
			await stores.audit.add(aRow());
			throw fault;
		});

		await expect(work).rejects.toBe(fault);
		expect(await list(10)).toEqual([]);
	});

	async function add(change: Partial<AuditRow> = {}): Promise<AuditRow> {
		const row = { ...aRow(), ...change };
		await database.storage.audit.add(row);
		return row;
	}

	function aRow(): AuditRow {
		return {
			id: ids.next('aud'),
			customerId: home.scope.customerId,
			instanceId: home.instanceId,
			action: 'instance.healed',
			details: { reason: 'connection_lost' },
			at: NOON,
			correlationId: ids.next('req'),
		};
	}

	function list(limit: number, before?: AuditId): Promise<AuditRow[]> {
		return database.storage.audit.list(home.scope.customerId, { limit, before });
	}
});

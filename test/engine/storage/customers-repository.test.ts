import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { NOON } from './records.ts';

describe.each(DIALECTS)('CustomersRepository on %s', (dialect) => {
	let database: TestDatabase;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	afterAll(() => database.close());

	it('makes the default customer once, whoever asks first', async () => {
		const { customers } = database.storage;

		const answers = await Promise.all(
			[1, 2, 3].map(() => customers.ensureDefault(ids.next('cust'), NOON)),
		);
		const later = await customers.ensureDefault(ids.next('cust'), NOON + 1);

		expect(new Set([...answers, later]).size).toBe(1);
	});
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettingsRepository } from '../../../engine/src/storage/settings-repository.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';

describe.each(DIALECTS)('SettingsRepository on %s', (dialect) => {
	let database: TestDatabase;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	afterAll(() => database.close());

	it('remembers the last value', async () => {
		const { settings } = database.storage;

		await settings.set('web_version', '2.3000.1');
		await settings.set('web_version', '2.3000.2');

		expect(await settings.find('web_version')).toBe('2.3000.2');
		expect(await settings.find('unheard_of')).toBeUndefined();
	});

	it('settles on one value for all who ask at once', async () => {
		const settings = new SettingsRepository(database.db);

		const answers = await Promise.all(
			['a', 'b', 'c'].map((value) => settings.settle('proof', value)),
		);

		expect(new Set(answers).size).toBe(1);
		expect(await settings.find('proof')).toBe(answers[0]);
	});
});

import type { Kysely } from 'kysely';
import type { SettingStore } from '../app/ports.ts';
import type { Schema } from './schema.ts';

export class SettingsRepository implements SettingStore {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	async find(name: string): Promise<string | undefined> {
		const row = await this.#db
			.selectFrom('settings')
			.select('value')
			.where('name', '=', name)
			.executeTakeFirst();
		return row?.value;
	}

	async set(name: string, value: string): Promise<void> {
		await this.#db
			.insertInto('settings')
			.values({ name, value })
			.onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
			.execute();
	}

	/** Sets it unless it is set, and answers what it is now: the same to all who ask at once. */
	async settle(name: string, value: string): Promise<string> {
		const row = await this.#db
			.insertInto('settings')
			.values({ name, value })
			.onConflict((conflict) => conflict.column('name').doUpdateSet({ name }))
			.returning('value')
			.executeTakeFirstOrThrow();
		return row.value;
	}
}

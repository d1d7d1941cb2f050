import type { Kysely } from 'kysely';
import type { CustomerStore } from '../app/ports.ts';
import type { CustomerId } from '../domain/ids.ts';
import type { Schema } from './schema.ts';

const DEFAULT = 'default';

export class CustomersRepository implements CustomerStore {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	/** Engines that start together on one database agree on it: the first one's id stays. */
	async ensureDefault(id: CustomerId, at: number): Promise<CustomerId> {
		await this.#db
			.insertInto('customers')
			.values({ id, name: DEFAULT, created_at: at })
			.onConflict((conflict) => conflict.column('name').doNothing())
			.execute();
		const customer = await this.#db
			.selectFrom('customers')
			.select('id')
			.where('name', '=', DEFAULT)
			.executeTakeFirstOrThrow();
		return customer.id;
	}
}

/** How long a page of the delivery log takes to read, in a short log and in a long one. */
import { performance } from 'node:perf_hooks';
import { sql, type Kysely } from 'kysely';
import type { DeliveryFilter, Endpoint } from '../../engine/src/app/ports.ts';
import { openDatabase } from '../../engine/src/storage/database.ts';
import type { DialectName, Schema } from '../../engine/src/storage/schema.ts';
import { storageOn, type OpenStorage } from '../../engine/src/storage/storage.ts';
import { addDeliveries, FAILED, SUCCEEDED } from '../engine/storage/delivery-rows.ts';
import { anEndpoint, anInstance } from '../engine/storage/records.ts';
import { ids, silentLog } from '../support/system.ts';
import type { Location } from './delivery-engine.ts';
import { median, table } from './table.ts';

const SHORT = 10_000;
const LONG = 1_000_000;
const MOST_RATIO = 1.5;

const PER_FILL = 5_000;
const PAGE = { limit: 101 };
const READS = 100;

/** Prints the figures; answers whether the target was met. */
export async function benchListing(locate: (dialect: DialectName) => Promise<Location>) {
	const rows: string[][] = [];
	let met = true;
	for (const dialect of ['sqlite', 'postgres'] as const) {
		const log = await DeliveryLog.open(await locate(dialect));
		await log.fill(SHORT);
		const short = await log.read();
		await log.fill(LONG - SHORT);
		const long = await log.read();
		await log.close();
		for (const [name, before] of short) {
			const after = long.get(name)!;
			if (after / before > MOST_RATIO) met = false;
			rows.push([`${dialect}, ${name}`, ms(before), ms(after), (after / before).toFixed(2)]);
		}
	}
	console.log('\nA page of 100 deliveries (ms, median)');
	const [few, many] = [SHORT, LONG].map((count) => `${count.toLocaleString('en')} rows`);
	console.log(table(['', few!, many!, 'ratio'], rows));
	console.log(`target: ratio at most ${MOST_RATIO}: ${met ? 'met' : 'MISSED'}`);
	return met;
}

class DeliveryLog {
	readonly #db: Kysely<Schema>;
	readonly #storage: OpenStorage;
	readonly #dialect: DialectName;
	#endpoints: Endpoint[] = [];
	#instances: ReturnType<typeof anInstance>[] = [];
	#filled = 0;

	static async open(location: Location): Promise<DeliveryLog> {
		const database = await openDatabase({ ...location, log: silentLog });
		const storage = await storageOn(database, { secretsKey: 's'.repeat(32), ids });
		const log = new DeliveryLog(database.db, database.dialect, storage);
		const customerId = await storage.customers.ensureDefault(ids.next('cust'), 0);
		const scope = { customerId, mode: 'test' } as const;
		for (let n = 0; n < 10; n++) {
			const [endpoint, instance] = [anEndpoint(scope), anInstance(scope)];
			await storage.endpoints.add(endpoint, 'whsec_a');
			await storage.instances.add(instance);
			log.#endpoints.push(endpoint);
			log.#instances.push(instance);
		}
		return log;
	}

	private constructor(db: Kysely<Schema>, dialect: DialectName, storage: OpenStorage) {
		this.#db = db;
		this.#dialect = dialect;
		this.#storage = storage;
	}

	/** As a log looks after a bad while: one in eight failed, one in ten is of another kind. */
	async fill(count: number): Promise<void> {
		for (let done = 0; done < count; done += PER_FILL) {
			await this.#db.transaction().execute(async (db) => {
				for (const [n, endpoint] of this.#endpoints.entries()) {
					const rows = Array.from({ length: PER_FILL / this.#endpoints.length }, () => ({
						...(this.#filled++ % 8 === 0 ? FAILED : SUCCEEDED),
						event:
							this.#filled % 10 === 0 ? ('session.status' as const) : ('message.received' as const),
						instance_id: this.#instances[n]!.id,
					}));
					await addDeliveries(db, endpoint, rows);
				}
			});
		}
		await sql
			.raw(this.#dialect === 'postgres' ? 'vacuum analyze' : 'pragma optimize')
			.execute(this.#db);
	}

	/** The median time of each filter's first page, in turns. */
	async read(): Promise<Map<string, number>> {
		const scope = this.#endpoints[0]!;
		const filters = await this.#filters();
		const times = new Map(Object.keys(filters).map((name) => [name, [] as number[]]));
		for (let turn = 0; turn < READS; turn++) {
			for (const [name, filter] of Object.entries(filters)) {
				const begunAt = performance.now();
				await this.#storage.deliveries.list(scope, filter, PAGE);
				times.get(name)!.push(performance.now() - begunAt);
			}
		}
		return new Map([...times].map(([name, all]) => [name, median(all)]));
	}

	async #filters(): Promise<Record<string, DeliveryFilter>> {
		const [endpoint, instance] = [this.#endpoints[3]!, this.#instances[4]!];
		const { deliveries } = await this.#storage.deliveries.list(endpoint, {}, { limit: 1 });
		return {
			'no filter': {},
			status: { status: 'failed' },
			event: { event: 'session.status' },
			instance_id: { instanceId: instance.id },
			endpoint_id: { endpointId: endpoint.id },
			event_id: { eventId: deliveries[0]!.eventId },
			'from and to': { from: Date.now() - 3_600_000, to: Date.now() },
			'endpoint_id and status': { endpointId: endpoint.id, status: 'failed' },
		};
	}

	close(): Promise<void> {
		return this.#storage.close();
	}
}

function ms(value: number): string {
	return value.toFixed(2);
}

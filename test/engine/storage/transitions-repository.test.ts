import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Instance, Transition } from '../../../engine/src/app/ports.ts';
import type { InstanceId, TransitionId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { anInstance, MINUTE, moveIn, NOON, type Household } from './records.ts';

const SECOND = 1_000;
const RULE = { otherInstances: 2, withinMs: MINUTE };

describe.each(DIALECTS)('TransitionsRepository on %s', (dialect) => {
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

	describe('the list', () => {
		it('gives back what was added, newest first, with how long each state lasted', async () => {
			const started = await add({ from: 'pending', to: 'starting', reason: null, at: NOON });
			const opened = await add({ from: 'starting', to: 'connected', reason: null, at: NOON + 1 });
			const lost = await add({ closeCode: 428, at: NOON + MINUTE });

			expect(await list(10)).toEqual([
				{ ...lost, durationMs: null },
				{ ...opened, durationMs: MINUTE - 1 },
				{ ...started, durationMs: 1 },
			]);
		});

		it('pages without a gap or a repeat, and knows each duration on every page', async () => {
			for (let count = 0; count < 11; count++) await add({ at: NOON + count ** 2 });
			await add({ instanceId: (await another()).id, at: NOON + 3 });
			const whole = await list(100);
			const property = fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (limit) => {
				const seen = [];
				for (let page = await list(limit); page.length > 0;) {
					seen.push(...page);
					page = await list(limit, page.at(-1)!.id);
				}

				expect(seen).toEqual(whole);
			});

			expect(whole).toHaveLength(11);
			await fc.assert(property, { numRuns: 6 });
		});

		it('lets no state last less than no time, also when the clock was set back', async () => {
			await add({ at: NOON });
			await add({ at: NOON - MINUTE });

			expect((await list(10)).map(({ durationMs }) => durationMs)).toEqual([null, 0]);
		});

		it('keeps the history of an instance that was removed', async () => {
			const lost = await add();

			await database.storage.instances.remove(home.instanceId, NOON);

			expect(await list(10)).toEqual([{ ...lost, durationMs: null }]);
		});

		it('has nothing that was added in a transaction that failed', async () => {
			const fault = new Error('power cut');

			const work = database.storage.transaction(async (stores) => {
				await stores.transitions.add(aTransition(home.instanceId));
				throw fault;
			});

			await expect(work).rejects.toBe(fault);
			expect(await list(10)).toEqual([]);
		});
	});

	describe('what lies between two instants', () => {
		const RANGE = { from: NOON, to: NOON + MINUTE };

		it('comes with the last one before, of each instance on its own', async () => {
			const other = await another();
			await add({ at: NOON - 2 });
			const before = await add({ at: NOON - 1 });
			const otherBefore = await add({ instanceId: other.id, at: NOON - MINUTE });
			const first = await add({ at: NOON });
			const last = await add({ at: NOON + MINUTE - 1 });
			await add({ at: NOON + MINUTE });
			await add({ instanceId: other.id, at: NOON + 2 * MINUTE });

			expect(await between([home.instanceId])).toEqual([before, first, last]);
			expect(await between([home.instanceId, other.id])).toEqual([
				before,
				otherBefore,
				first,
				last,
			]);
		});

		it('takes the later of two before that share an instant', async () => {
			await add({ at: NOON - 1 });
			const later = await add({ at: NOON - 1 });

			expect(await between([home.instanceId])).toEqual([later]);
		});

		it('is nothing of nobody, and nothing of who has no history', async () => {
			await add({ instanceId: (await another()).id });

			expect(await between([])).toEqual([]);
			expect(await between([home.instanceId, ids.next('inst')])).toEqual([]);
		});

		it('is what going through all of them finds', async () => {
			const instanceIds = [home.instanceId, (await another()).id, (await another()).id];
			const all: Transition[] = [];
			for (let count = 0; count < 60; count++) {
				all.push(await add({ instanceId: instanceIds[(count * 7) % 3]!, at: NOON + count }));
			}
			const property = fc.asyncProperty(
				fc.subarray(instanceIds),
				fc.integer({ min: -5, max: 65 }),
				fc.integer({ min: -5, max: 65 }),
				async (some, from, to) => {
					const range = { from: NOON + from, to: NOON + to };

					const found = await database.storage.transitions.listBetween(some, range);

					const expected = some.flatMap((id) => {
						const own = all.filter(({ instanceId }) => instanceId === id);
						const before = own.filter(({ at }) => at < range.from).slice(-1);
						return [...before, ...own.filter(({ at }) => at >= range.from && at < range.to)];
					});
					expect(found).toEqual(expected.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
				},
			);

			await fc.assert(property, { numRuns: 30 });
		});

		function between(some: readonly InstanceId[]): Promise<Transition[]> {
			return database.storage.transitions.listBetween(some, RANGE);
		}
	});

	describe('an incident', () => {
		it('is three instances that drop within a minute for the same reason', async () => {
			const drops = [
				await drop({ at: NOON }),
				await drop({ at: NOON + 20 * SECOND }),
				await drop({ at: NOON + MINUTE }),
			];

			expect(await inIncident(drops)).toEqual(drops);
		});

		it('is seen from the drop in the middle although its ends are further apart', async () => {
			const first = await drop({ at: NOON });
			const middle = await drop({ at: NOON + MINUTE });
			const last = await drop({ at: NOON + 2 * MINUTE });

			expect(await inIncident([first, middle, last])).toEqual([middle]);
		});

		it.each<[string, Partial<Transition>]>([
			['came later', { at: NOON + MINUTE + 1 }],
			['came earlier', { at: NOON - MINUTE - 1 }],
			['had another reason', { reason: 'server_error' }],
			['had no connection to lose', { from: 'reconnecting', to: 'failed' }],
		])('is none when one of three %s', async (_, change) => {
			const drops = [await drop(), await drop()];
			await drop(change);

			expect(await inIncident(drops)).toEqual([]);
		});

		it('is not made by one other instance that drops again and again', async () => {
			const own = await drop();
			const other = await another();
			for (let second = 0; second < 3; second++) {
				await add({ instanceId: other.id, at: NOON + second * SECOND });
			}
			await add({ instanceId: own.instanceId, at: NOON + SECOND });

			expect(await inIncident([own])).toEqual([]);
		});

		it('spans customers, and instances that were removed since', async () => {
			const { db, storage } = database;
			const customerId = ids.next('cust');
			await db
				.insertInto('customers')
				.values({ id: customerId, name: 'stranger', created_at: NOON })
				.execute();
			const own = await drop();
			await drop({}, { customerId });
			const { instanceId } = await drop({}, { customerId });
			await storage.instances.remove(instanceId, NOON + MINUTE);

			expect(await inIncident([own])).toEqual([own]);
		});

		it('spans no two modes, whose networks are not the same', async () => {
			const own = await drop();
			await drop({}, { mode: 'live' });
			await drop({}, { mode: 'live' });

			expect(await inIncident([own])).toEqual([]);
		});

		it('is found among more drops than a statement takes at once', async () => {
			const instances = [await another(), await another(), await another()];
			const drops: Transition[] = [];
			await database.storage.transaction(async ({ transitions }) => {
				for (let count = 0; count < 600; count++) {
					const { id } = instances[count % 3]!;
					const one = aTransition(id, { at: NOON + Math.floor(count / 3) * 5 * MINUTE });
					await transitions.add(one);
					drops.push(one);
				}
			});

			expect(await inIncident(drops)).toHaveLength(600);
			expect(await inIncident([])).toEqual([]);
		});

		it('asks for as many others as the rule says', async () => {
			const drops = [await drop(), await drop()];

			expect(await inIncident(drops, { ...RULE, otherInstances: 1 })).toEqual(drops);
			expect(await inIncident(drops, { ...RULE, otherInstances: 2 })).toEqual([]);
		});

		/** Of an instance of its own. */
		async function drop(
			change: Partial<Transition> = {},
			of: Partial<Instance> = {},
		): Promise<Transition> {
			return add({ instanceId: (await another(of)).id, ...change });
		}

		async function inIncident(drops: readonly Transition[], rule = RULE): Promise<Transition[]> {
			const found = await database.storage.transitions.findInIncident(
				drops.map(({ id }) => id),
				rule,
			);
			return drops.filter(({ id }) => found.has(id));
		}
	});

	async function another(change: Partial<Instance> = {}): Promise<Instance> {
		const instance = anInstance(home.scope, change);
		await database.storage.instances.add(instance);
		return instance;
	}

	/** A lost connection of the household's instance, unless said otherwise. */
	async function add(change: Partial<Transition> = {}): Promise<Transition> {
		const transition = aTransition(home.instanceId, change);
		await database.storage.transitions.add(transition);
		return transition;
	}

	function list(limit: number, before?: TransitionId) {
		return database.storage.transitions.list(home.instanceId, { limit, before });
	}
});

function aTransition(instanceId: InstanceId, change: Partial<Transition> = {}): Transition {
	return {
		id: ids.next('trn'),
		instanceId,
		from: 'connected',
		to: 'reconnecting',
		reason: 'connection_lost',
		closeCode: null,
		at: NOON,
		...change,
	};
}

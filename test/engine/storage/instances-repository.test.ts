import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Account, Instance, InstanceChange } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import type { Scope } from '../../../engine/src/domain/scope.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import {
	anEndpoint,
	anInbound,
	anInstance,
	anOutbound,
	aTurn,
	MINUTE,
	moveIn,
	NOON,
	sent,
	strangerTo,
	type Household,
} from './records.ts';

const ACCOUNT: Account = {
	jid: '5511900000001:3@s.whatsapp.net',
	lid: '123456789012345@lid',
	phoneNumber: '5511900000001',
	pushName: 'Bakery 🥐 \u0000',
};

const PROXY = 'socks5://user:secret@proxy.example.com:1080';

describe.each(DIALECTS)('InstancesRepository on %s', (dialect) => {
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

	it('gives back what was added', async () => {
		const { instances } = database.storage;
		const instance = anInstance(home.scope, {
			metadata: { colour: 'blue', floors: [1, 2] },
			account: ACCOUNT,
			status: { state: 'failed', reason: 'banned', attempt: 3 },
			group: 'front desks',
			priority: -1,
			expectedPhoneNumber: '5511900000001',
			heal: {
				enabled: false,
				maxRestartsPerHour: 2,
				scheduledRestart: { cron: '0 4 * * *', timeZone: 'America/Sao_Paulo' },
			},
			healedAt: [NOON, NOON + 1],
			proxyUrl: PROXY,
			restrictedUntil: NOON + MINUTE,
			attentionLevel: 3,
			attentionDueAt: NOON + MINUTE,
			lastSeenAt: NOON,
		});

		await instances.add(instance);

		expect(await instances.find(home.scope, instance.id)).toEqual(instance);
		expect(await instances.findAny(instance.id)).toEqual(instance);
	});

	it('shows an instance to its own customer and mode only', async () => {
		const { instances } = database.storage;
		const live: Scope = { ...home.scope, mode: 'live' };

		for (const scope of [live, strangerTo(home.scope)]) {
			expect(await instances.find(scope, home.instanceId)).toBeUndefined();
			expect(await instances.list(scope, { limit: 10 })).toEqual([]);
		}
	});

	it('changes what is given and nothing else', async () => {
		const { instances } = database.storage;
		const before = await instances.findAny(home.instanceId);

		const renamed = await instances.change(home.instanceId, { name: 'Kitchen' }, NOON + MINUTE);
		const linked = await instances.change(
			home.instanceId,
			{
				account: ACCOUNT,
				status: { state: 'connected', reason: null, attempt: 0 },
				statusSince: NOON + MINUTE,
				lastSeenAt: NOON + MINUTE,
				metadata: { a: 1 },
			},
			NOON + 2 * MINUTE,
		);
		const unlinked = await instances.change(home.instanceId, { account: null }, NOON);

		expect(renamed).toEqual({ ...before, name: 'Kitchen', updatedAt: NOON + MINUTE });
		expect(linked).toEqual({
			...renamed,
			account: ACCOUNT,
			status: { state: 'connected', reason: null, attempt: 0 },
			statusSince: NOON + MINUTE,
			lastSeenAt: NOON + MINUTE,
			metadata: { a: 1 },
			updatedAt: NOON + 2 * MINUTE,
		});
		expect(unlinked).toEqual({ ...linked, account: null, updatedAt: NOON });
	});

	it.each<[string, InstanceChange]>([
		['group', { group: 'kitchens' }],
		['priority', { priority: 5 }],
		['expected phone number', { expectedPhoneNumber: '5511900000002' }],
		['healing', { heal: { enabled: false, maxRestartsPerHour: 1, scheduledRestart: null } }],
		['restarts', { healedAt: [NOON] }],
		['proxy', { proxyUrl: 'http://proxy.example.com:8080/' }],
		['restriction', { restrictedUntil: NOON }],
		['attention', { attentionLevel: 1, attentionDueAt: NOON }],
	])('changes the %s, and takes it back', async (_, change) => {
		const { instances } = database.storage;
		const before = await instances.findAny(home.instanceId);
		const undo = Object.fromEntries(
			Object.keys(change).map((field) => [field, before![field as keyof Instance]]),
		);

		const changed = await instances.change(home.instanceId, change, NOON);
		const undone = await instances.change(home.instanceId, undo, NOON);

		expect(changed).toEqual({ ...before, ...change });
		expect(undone).toEqual(before);
	});

	it('keeps the credentials of a proxy sealed', async () => {
		const { instances } = database.storage;
		await instances.change(home.instanceId, { proxyUrl: PROXY }, NOON);

		const sealed = await sealedProxyOf(home.instanceId);

		expect(sealed).not.toBeNull();
		for (const word of ['proxy.example.com', 'secret']) {
			expect(Buffer.from(sealed!).includes(word)).toBe(false);
		}
	});

	it("cannot open a proxy that was copied from another instance's row", async () => {
		const { instances } = database.storage;
		const neighbour = anInstance(home.scope, { proxyUrl: PROXY });
		await instances.add(neighbour);

		await database.db
			.updateTable('instances')
			.set({ sealed_proxy_url: await sealedProxyOf(neighbour.id) })
			.where('id', '=', home.instanceId)
			.execute();

		await expect(instances.findAny(home.instanceId)).rejects.toThrow();
	});

	it('lists the members of a group in the order in which they stand in', async () => {
		const { instances } = database.storage;
		const group = 'front desks';
		const [last, first, second, ofOthers, live, gone] = [
			anInstance(home.scope, { group, priority: 200 }),
			anInstance(home.scope, { group, priority: -1 }),
			anInstance(home.scope, { group, priority: -1 }),
			anInstance(home.scope, { group: 'Front desks' }),
			anInstance({ ...home.scope, mode: 'live' }, { group }),
			anInstance(home.scope, { group }),
		];
		for (const one of [last, first, second, ofOthers, live, gone]) await instances.add(one);
		await instances.remove(gone.id, NOON);

		expect(await idsOf(instances.listByGroup(home.scope, group))).toEqual([
			first.id,
			second.id,
			last.id,
		]);
		expect(await instances.listByGroup(strangerTo(home.scope), group)).toEqual([]);
		expect(await instances.listByGroup(home.scope, 'nobody')).toEqual([]);
	});

	it('lists whose alert is due over all customers, the longest due first', async () => {
		const { instances } = database.storage;
		const [later, sooner, notYet, gone] = [
			anInstance(home.scope, { attentionDueAt: NOON }),
			anInstance({ ...home.scope, mode: 'live' }, { attentionDueAt: NOON - 1 }),
			anInstance(home.scope, { attentionDueAt: NOON + 1 }),
			anInstance(home.scope, { attentionDueAt: NOON }),
		];
		for (const one of [later, sooner, notYet, gone]) await instances.add(one);
		await instances.remove(gone.id, NOON);

		expect(await idsOf(instances.listAttentionDue(NOON, 10))).toEqual([sooner.id, later.id]);
		expect(await idsOf(instances.listAttentionDue(NOON, 1))).toEqual([sooner.id]);
	});

	it('lists by state over all customers, oldest first', async () => {
		const { instances } = database.storage;
		const failed = { state: 'failed', reason: null, attempt: 0 } as const;
		const other = anInstance({ ...home.scope, mode: 'live' }, { status: failed });
		await instances.add(other);

		expect(await idsOf(instances.listByState(['pending', 'failed']))).toEqual([
			home.instanceId,
			other.id,
		]);
		expect(await idsOf(instances.listByState(['failed']))).toEqual([other.id]);
		expect(await instances.listByState([])).toEqual([]);
	});

	it('pages newest first without a gap or a repeat, also while others are added', async () => {
		const { instances } = database.storage;
		const expected = [home.instanceId];
		for (let count = 0; count < 11; count++) {
			const instance = anInstance(home.scope);
			await instances.add(instance);
			expected.unshift(instance.id);
		}

		const property = fc.asyncProperty(fc.integer({ min: 1, max: 13 }), async (limit) => {
			const seen: InstanceId[] = [];
			for (let page = await list(limit); page.length > 0; page = await list(limit, seen.at(-1))) {
				seen.push(...page);
				const newer = anInstance(home.scope);
				await instances.add(newer);
				await instances.remove(newer.id, NOON);
			}

			expect(seen).toEqual(expected);
		});

		await fc.assert(property, { numRuns: 5 });

		function list(limit: number, before?: InstanceId): Promise<InstanceId[]> {
			return idsOf(instances.list(home.scope, { limit, before }));
		}
	});

	describe('after an instance was removed', () => {
		it('finds, lists and changes it no more', async () => {
			const { instances } = database.storage;

			await instances.remove(home.instanceId, NOON);

			expect(await instances.find(home.scope, home.instanceId)).toBeUndefined();
			expect(await instances.findAny(home.instanceId)).toBeUndefined();
			expect(await instances.list(home.scope, { limit: 10 })).toEqual([]);
			expect(await instances.listByState(['pending'])).toEqual([]);
			expect(await instances.change(home.instanceId, { name: 'Ghost' }, NOON)).toBeUndefined();
		});

		it('has wiped its proxy and its pairing link', async () => {
			const { instances, pairingLinks } = database.storage;
			await instances.change(home.instanceId, { proxyUrl: PROXY }, NOON);
			const link = { instanceId: home.instanceId, tokenHash: 'a', expiresAt: NOON };
			await pairingLinks.put(link);

			await instances.remove(home.instanceId, NOON);

			expect(await sealedProxyOf(home.instanceId)).toBeNull();
			expect(await pairingLinks.findByHash('a')).toBeUndefined();
		});

		it("has wiped its secrets and its journal, and nobody else's", async () => {
			const { instances, authState, journal } = database.storage;
			const neighbour = anInstance(home.scope);
			await instances.add(neighbour);
			const secret = Buffer.from('secret');
			for (const id of [home.instanceId, neighbour.id]) {
				await authState.commit(
					id,
					[{ type: 'creds', id: '', value: secret }],
					[{ stanza: secret, plaintext: secret, receivedAt: NOON }],
				);
			}

			await instances.remove(home.instanceId, NOON);

			expect((await authState.get(home.instanceId, 'creds', [''])).size).toBe(0);
			expect((await authState.get(neighbour.id, 'creds', [''])).size).toBe(1);
			expect((await journal.list(10)).map((entry) => entry.instanceId)).toEqual([neighbour.id]);
		});

		it('has failed what it had yet to send, and left the rest of its messages alone', async () => {
			const { instances, messages } = database.storage;
			const queued = anOutbound(home.instanceId);
			const done = anOutbound(home.instanceId, { status: 'sent', sentAt: NOON });
			const received = anInbound(home.instanceId);
			await messages.add([queued, done, received]);

			await instances.remove(home.instanceId, NOON + MINUTE);

			expect(await messages.find(home.instanceId, queued.id)).toMatchObject({
				status: 'failed',
				error: { code: 'instance_deleted' },
				failedAt: NOON + MINUTE,
			});
			expect(await messages.find(home.instanceId, done.id)).toEqual(done);
			expect(await messages.find(home.instanceId, received.id)).toEqual(received);
		});

		it('still sends out what had happened before', async () => {
			const { instances, endpoints, events, queue } = database.storage;
			const endpoint = anEndpoint(home.scope);
			await endpoints.add(endpoint, 'whsec_a');
			await events.append(home.instanceId, [sent()], NOON);

			await instances.remove(home.instanceId, NOON);

			expect(await queue.turn(aTurn({ claim: new Map([[endpoint.id, 10]]) }))).toHaveLength(1);
		});

		it('is not removed a second time', async () => {
			const { instances } = database.storage;
			await instances.remove(home.instanceId, NOON);

			await instances.remove(home.instanceId, NOON + MINUTE);
			await instances.remove(ids.next('inst'), NOON);

			const row = await database.db
				.selectFrom('instances')
				.select('deleted_at')
				.where('id', '=', home.instanceId)
				.executeTakeFirst();
			expect(row?.deleted_at).toBe(NOON);
		});
	});

	async function sealedProxyOf(id: InstanceId): Promise<Uint8Array | null> {
		const row = await database.db
			.selectFrom('instances')
			.select('sealed_proxy_url')
			.where('id', '=', id)
			.executeTakeFirstOrThrow();
		return row.sealed_proxy_url;
	}

	async function idsOf(found: Promise<{ id: InstanceId }[]>): Promise<InstanceId[]> {
		return (await found).map(({ id }) => id);
	}
});

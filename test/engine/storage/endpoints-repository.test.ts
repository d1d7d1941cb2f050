import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Endpoint, Turn } from '../../../engine/src/app/ports.ts';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { anEndpoint, MINUTE, moveIn, NOON, sent, strangerTo, type Household } from './records.ts';

const NOTHING: Turn = {
	now: NOON,
	leaseMs: MINUTE,
	settle: [],
	putOff: [],
	hasten: [],
	claim: new Map(),
	probe: [],
};

describe.each(DIALECTS)('EndpointsRepository on %s', (dialect) => {
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

	it('gives back what was added, without the secret', async () => {
		const { endpoints } = database.storage;
		const endpoint = anEndpoint(home.scope, {
			description: 'Orders, 🛒',
			events: ['message.received', 'qr.updated'],
			instanceIds: [home.instanceId],
			filters: {
				chatType: 'groups_only',
				ignoreFromMe: true,
				ignoreStatus: false,
				ignoreNewsletters: false,
			},
			ordered: false,
			maxAgeSeconds: 60,
			maxPerSecond: 0.5,
			enabled: false,
			disabledReason: 'by_user',
			disabledAt: NOON,
			hasCustomSigningSecret: true,
		});

		await endpoints.add(endpoint, 'whsec_quiet');

		expect(await endpoints.find(home.scope, endpoint.id)).toEqual(endpoint);
		expect(await endpoints.findAny(endpoint.id)).toEqual(endpoint);
	});

	it('shows an endpoint to its own customer and mode only', async () => {
		const { id } = await added();

		for (const scope of [{ ...home.scope, mode: 'live' as const }, strangerTo(home.scope)]) {
			expect(await database.storage.endpoints.find(scope, id)).toBeUndefined();
			expect(await database.storage.endpoints.list(scope, { limit: 10 })).toEqual([]);
		}
	});

	it('pages newest first', async () => {
		const { endpoints } = database.storage;
		const [first, second, third] = [await added(), await added(), await added()];

		expect(await endpoints.list(home.scope, { limit: 2 })).toEqual([third, second]);
		expect(await endpoints.list(home.scope, { limit: 2, before: second.id })).toEqual([first]);
	});

	it('changes what it is told to and nothing else', async () => {
		const { endpoints } = database.storage;
		const [endpoint, other] = [await added(), await added()];
		const change = {
			description: 'new',
			url: 'https://n8n.example.com/webhook/b',
			events: ['*'],
			instanceIds: [home.instanceId],
			filters: { ...endpoint.filters, ignoreFromMe: true },
			ordered: false,
			maxAgeSeconds: 5,
			maxPerSecond: 2.5,
		} as const;

		await endpoints.change(endpoint.id, change, NOON + 1);

		const changed = { ...endpoint, ...change, updatedAt: NOON + 1 };
		expect(await endpoints.find(home.scope, endpoint.id)).toEqual(changed);
		expect(await endpoints.find(home.scope, other.id)).toEqual(other);

		const back = { description: null, maxAgeSeconds: null, maxPerSecond: null };
		await endpoints.change(endpoint.id, back, NOON + 2);

		expect(await endpoints.find(home.scope, endpoint.id)).toEqual({
			...changed,
			...back,
			updatedAt: NOON + 2,
		});
	});

	it('keeps how the attempts went, which is no change of the settings', async () => {
		const { endpoints } = database.storage;
		const endpoint = await added();
		const health = { failingSince: NOON + 5, workedUntil: NOON + 4 };

		await endpoints.noteHealth(endpoint.id, health);

		expect(await endpoints.find(home.scope, endpoint.id)).toEqual({ ...endpoint, ...health });
	});

	describe('the signing secret', () => {
		it('does not lie in the database in clear', async () => {
			const { id } = await added('whsec_quiet');
			await rotate(id, 'whsec_silent', NOON + MINUTE);

			const row = await database.db
				.selectFrom('webhook_endpoints')
				.select('sealed_signing_secrets')
				.executeTakeFirstOrThrow();

			const sealed = Buffer.from(row.sealed_signing_secrets);
			expect(sealed.includes('whsec_quiet')).toBe(false);
			expect(sealed.includes('whsec_silent')).toBe(false);
			expect(await secrets(id, NOON)).toEqual(['whsec_silent', 'whsec_quiet']);
		});

		it('signs beside the new one until the overlap is over, and then no more', async () => {
			const { id } = await added('whsec_old');

			await rotate(id, 'whsec_new', NOON + MINUTE);

			expect(await secrets(id, NOON)).toEqual(['whsec_new', 'whsec_old']);
			expect(await secrets(id, NOON + MINUTE - 1)).toEqual(['whsec_new', 'whsec_old']);
			expect(await secrets(id, NOON + MINUTE)).toEqual(['whsec_new']);
		});

		it('reaches the sender with each claim, the old one only during the overlap', async () => {
			const { id } = await added('whsec_old');
			const { events, queue } = database.storage;
			await events.append(home.instanceId, [sent(), sent()], NOON);

			const claim = new Map([[id, 1]]);
			const [before] = await queue.turn({ ...NOTHING, claim });
			await rotate(id, 'whsec_new', NOON + MINUTE);
			const [during] = await queue.turn({ ...NOTHING, claim });
			const [after] = await queue.turn({ ...NOTHING, claim, now: NOON + MINUTE });

			expect(before?.destination.signingSecrets).toEqual(['whsec_old']);
			expect(during?.destination.signingSecrets).toEqual(['whsec_new', 'whsec_old']);
			expect(after?.destination.signingSecrets).toEqual(['whsec_new']);
		});

		it('says when it was changed, by whom, and how long the old one counts', async () => {
			const { endpoints } = database.storage;
			const endpoint = await added();

			await rotate(endpoint.id, 'whsec_new', NOON + MINUTE, { isCustom: true });

			expect(await endpoints.find(home.scope, endpoint.id)).toEqual({
				...endpoint,
				hasCustomSigningSecret: true,
				secretRotatedAt: NOON,
				previousSecretUntil: NOON + MINUTE,
				updatedAt: NOON,
			});
		});

		it('is forgotten at once when there is no overlap', async () => {
			const { endpoints } = database.storage;
			const { id } = await added('whsec_old');

			await rotate(id, 'whsec_new', NOON);

			expect(await endpoints.find(home.scope, id)).toMatchObject({ previousSecretUntil: null });
			await database.db
				.updateTable('webhook_endpoints')
				.set({ previous_secret_until: NOON + MINUTE })
				.execute();
			expect(await secrets(id, NOON)).toEqual(['whsec_new']);
		});

		it('gives way to the next but one: no more than two are kept', async () => {
			const { id } = await added('whsec_first');
			await rotate(id, 'whsec_second', NOON + MINUTE);

			await rotate(id, 'whsec_third', NOON + MINUTE);

			expect(await secrets(id, NOON)).toEqual(['whsec_third', 'whsec_second']);
		});

		it('is one after the other when two rotate it at once', async () => {
			const { id } = await added('whsec_first');

			await Promise.all(['whsec_a', 'whsec_b'].map((name) => rotate(id, name, NOON + MINUTE)));

			expect([...(await secrets(id, NOON))].sort()).toEqual(['whsec_a', 'whsec_b']);
		});

		it('is none of an endpoint that is gone', async () => {
			const { id } = await added();
			await database.storage.endpoints.remove(id, NOON);

			await rotate(id, 'whsec_new', NOON + MINUTE);

			expect(await secrets(id, NOON)).toEqual([]);
			expect(await secrets(ids.next('wh'), NOON)).toEqual([]);
		});
	});

	it('says once that it was disabled, with the first reason', async () => {
		const { endpoints } = database.storage;
		const endpoint = await added();

		expect(await endpoints.disable(endpoint.id, 'gone', NOON + 1)).toBe(true);
		expect(await endpoints.disable(endpoint.id, 'by_user', NOON + 2)).toBe(false);

		expect(await endpoints.find(home.scope, endpoint.id)).toEqual({
			...endpoint,
			enabled: false,
			disabledReason: 'gone',
			disabledAt: NOON + 1,
			updatedAt: NOON + 1,
		});
	});

	it('says once that it was enabled, and forgets why it was not', async () => {
		const { endpoints } = database.storage;
		const endpoint = await added();
		await endpoints.disable(endpoint.id, 'failing', NOON + 1);

		expect(await endpoints.enable(endpoint.id, NOON + 2)).toBe(true);
		expect(await endpoints.enable(endpoint.id, NOON + 3)).toBe(false);

		const enabled = { ...endpoint, updatedAt: NOON + 2 };
		expect(await endpoints.find(home.scope, endpoint.id)).toEqual(enabled);
	});

	it('lets one of many disable it', async () => {
		const { endpoints } = database.storage;
		const { id } = await added();

		const answers = await Promise.all([1, 2, 3].map(() => endpoints.disable(id, 'gone', NOON)));

		expect(answers.sort()).toEqual([false, false, true]);
	});

	it('hands out nothing of an endpoint that is disabled, until it is enabled again', async () => {
		const { endpoints, events, queue } = database.storage;
		const { id } = await added();
		await events.append(home.instanceId, [sent()], NOON);
		const claim = new Map([[id, 10]]);

		await endpoints.disable(id, 'by_user', NOON);
		expect(await queue.turn({ ...NOTHING, claim })).toEqual([]);

		await endpoints.enable(id, NOON);
		const [claimed] = await queue.turn({ ...NOTHING, claim });
		expect(claimed?.deliveries).toHaveLength(1);
	});

	it('fails the unsettled deliveries of a removed endpoint and keeps their rows', async () => {
		const { endpoints, events } = database.storage;
		const [endpoint, other] = [await added(), await added()];
		await events.append(home.instanceId, [sent()], NOON);
		await database.db
			.updateTable('webhook_deliveries')
			.set({ status: 'success', due_at: null })
			.where('endpoint_id', '=', endpoint.id)
			.execute();
		await events.append(home.instanceId, [sent()], NOON);

		await endpoints.remove(endpoint.id, NOON + 1);

		expect(await endpoints.find(home.scope, endpoint.id)).toBeUndefined();
		expect(await endpoints.findAny(endpoint.id)).toBeUndefined();
		expect(await endpoints.list(home.scope, { limit: 10 })).toEqual([other]);
		const open = { status: 'pending', due_at: NOON, last_error: null, updated_at: NOON };
		expect(await rowsOf(other.id)).toEqual([open, open]);
		expect(await rowsOf(endpoint.id)).toEqual([
			{ status: 'success', due_at: null, last_error: null, updated_at: NOON },
			{ status: 'failed', due_at: null, last_error: 'endpoint_deleted', updated_at: NOON + 1 },
		]);
	});

	it('takes no word on a delivery whose endpoint was removed while it was in flight', async () => {
		const { endpoints, events, queue } = database.storage;
		const { id } = await added();
		await events.append(home.instanceId, [sent()], NOON);
		const [claimed] = await queue.turn({ ...NOTHING, claim: new Map([[id, 1]]) });
		const delivery = claimed!.deliveries[0]!;

		await endpoints.remove(id, NOON + 1);
		const outcome = { status: 'success', responseStatus: 200 } as const;
		const settlement = { delivery, outcome, attempt: null, isProbe: false, at: NOON + 2 };
		await queue.turn({ ...NOTHING, settle: [settlement] });

		expect(await rowsOf(id)).toMatchObject([{ status: 'failed', last_error: 'endpoint_deleted' }]);
	});

	it('changes nothing about an endpoint that was removed', async () => {
		const { endpoints } = database.storage;
		const { id } = await added();
		await endpoints.remove(id, NOON);
		const before = await whole(id);

		await endpoints.change(id, { description: 'late' }, NOON + 1);
		await endpoints.noteHealth(id, { failingSince: NOON, workedUntil: NOON });
		await endpoints.remove(id, NOON + 1);

		expect(await endpoints.disable(id, 'gone', NOON + 1)).toBe(false);
		expect(await endpoints.enable(id, NOON + 1)).toBe(false);
		expect(await whole(id)).toEqual(before);
	});

	async function added(secret = 'whsec_a'): Promise<Endpoint> {
		const endpoint = anEndpoint(home.scope);
		await database.storage.endpoints.add(endpoint, secret);
		return endpoint;
	}

	function rotate(
		id: EndpointId,
		secret: string,
		previousUntil: number,
		{ isCustom = false } = {},
	): Promise<void> {
		const { endpoints } = database.storage;
		return endpoints.rotateSecret(id, { secret, isCustom, previousUntil }, NOON);
	}

	function secrets(id: EndpointId, now: number): Promise<readonly string[]> {
		return database.storage.endpoints.signingSecrets(id, now);
	}

	function rowsOf(id: EndpointId) {
		return database.db
			.selectFrom('webhook_deliveries')
			.select(['status', 'due_at', 'last_error', 'updated_at'])
			.where('endpoint_id', '=', id)
			.orderBy('id')
			.execute();
	}

	function whole(id: EndpointId) {
		return database.db
			.selectFrom('webhook_endpoints')
			.selectAll()
			.where('id', '=', id)
			.executeTakeFirstOrThrow();
	}
});

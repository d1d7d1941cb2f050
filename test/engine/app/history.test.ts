import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { History, type UptimeRequest } from '../../../engine/src/app/history.ts';
import type { Page, TransitionStore } from '../../../engine/src/app/ports.ts';
import type { InstanceId, TransitionId } from '../../../engine/src/domain/ids.ts';
import type { InstanceState, StatusReason } from '../../../engine/src/domain/instance.ts';
import type { Scope } from '../../../engine/src/domain/scope.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import { ids, systemClock } from '../../support/system.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 0, 1, 12);
const PAGE: Page = { limit: 100 };

describe('the history of instances', () => {
	let store: TestEngineStore;
	let history: History;
	let stranger: Scope;

	beforeEach(async () => {
		store = await TestEngineStore.open();
		history = historyWith(store.storage.transitions);
		stranger = { ...store.scope, customerId: ids.next('cust') };
	});

	afterEach(() => store.close());

	it('tells the changes of an instance newest first, and which were part of an incident', async () => {
		const [shop] = await connected(3, NOON - HOUR);
		await lose(shop!, NOON - 30 * MINUTE, 'server_error');
		await outage(NOON - 10 * MINUTE);

		const transitions = await history.transitions(store.scope, shop!, PAGE);

		expect(transitions.map(({ at, reason, incident }) => [at, reason, incident])).toEqual([
			[NOON - 10 * MINUTE, 'connection_lost', true],
			[NOON - 30 * MINUTE, 'server_error', false],
			[NOON - HOUR, null, false],
		]);
	});

	it('calls nothing an incident that was done by choice', async () => {
		const shops = await connected(3, NOON - HOUR);
		for (const id of shops) {
			await change(id, 'connected', 'stopped', { at: NOON, reason: 'stopped_by_user' });
		}

		const [stopped] = await history.transitions(store.scope, shops[0]!, PAGE);

		expect(stopped).toMatchObject({ reason: 'stopped_by_user', incident: false });
	});

	it('looks for incidents once for a whole page', async () => {
		const asked: number[] = [];
		const { transitions } = store.storage;
		const counting = historyWith({
			add: (transition) => transitions.add(transition),
			list: (id, page) => transitions.list(id, page),
			listBetween: (some, range) => transitions.listBetween(some, range),
			findInIncident: (drops, rule) => {
				asked.push(drops.length);
				return transitions.findInIncident(drops, rule);
			},
		});
		const [shop] = await connected(4, NOON - HOUR);
		for (let count = 1; count <= 5; count++) await lose(shop!, NOON - count * MINUTE);
		await outage(NOON - 20 * MINUTE);

		await counting.transitions(store.scope, shop!, PAGE);
		await counting.uptime(store.scope, {}, PAGE);

		expect(asked).toEqual([6, 9]);
	});

	it('tells the uptime of every instance, newest first, with its incidents', async () => {
		const [older, newer] = await connected(3, NOON - 2 * HOUR);
		await lose(newer!, NOON - 90 * MINUTE, 'server_error');
		await outage(NOON - HOUR);

		const { instances } = await history.uptime(store.scope, {}, PAGE);

		expect(instances).toHaveLength(3);
		expect(instances.find(({ id }) => id === older)).toMatchObject({
			name: 'shop',
			connectedMs: HOUR,
			observedMs: 2 * HOUR,
			meanTimeToRecoveryMs: null,
			disconnects: { connection_lost: 1 },
			incidents: 1,
		});
		expect(instances.find(({ id }) => id === newer)).toMatchObject({
			disconnects: { connection_lost: 1, server_error: 1 },
			incidents: 1,
		});
		expect(instances.map(({ id }) => id)).toEqual(
			(await store.storage.instances.list(store.scope, PAGE)).map(({ id }) => id),
		);
	});

	it('is of the last 24 hours unless it is asked for others', async () => {
		await connected(1, NOON - 2 * DAY);

		expect(await observed({})).toEqual({ from: NOON - DAY, to: NOON, ms: DAY });
		expect(await observed({ from: NOON - HOUR })).toEqual({
			from: NOON - HOUR,
			to: NOON,
			ms: HOUR,
		});
		expect(await observed({ to: NOON - DAY - HOUR })).toEqual({
			from: NOON - 2 * DAY - HOUR,
			to: NOON - DAY - HOUR,
			ms: DAY - HOUR,
		});
	});

	it('knows nothing of the future', async () => {
		await connected(1, NOON - HOUR);

		expect(await observed({ from: NOON - HOUR, to: NOON + DAY })).toMatchObject({ ms: HOUR });
		expect(await observed({ from: NOON + HOUR, to: NOON + DAY })).toMatchObject({ ms: 0 });
	});

	it('is of one instance, or page by page of all', async () => {
		const [first, second, third] = await connected(3, NOON - HOUR);

		expect(await shown({ instanceId: second! }, PAGE)).toEqual([second]);
		expect(await shown({}, { limit: 2 })).toEqual([third, second]);
		expect(await shown({}, { limit: 2, before: second! })).toEqual([first]);
	});

	it.each<[string, UptimeRequest]>([
		['end before it begins', { from: NOON, to: NOON - 1 }],
		['be empty', { from: NOON - HOUR, to: NOON - HOUR }],
		['begin in the future without an end', { from: NOON + 1 }],
		['be longer than 31 days', { from: NOON - 31 * DAY - 1, to: NOON }],
		['be longer than 31 days without an end', { from: NOON - 32 * DAY }],
	])('refuses a range that would %s', async (_, request) => {
		await expect(history.uptime(store.scope, request, PAGE)).rejects.toMatchObject({
			code: 'invalid_request',
			details: { issues: [{ path: 'from' }] },
		});
	});

	it('reaches back 31 days', async () => {
		const [shop] = await connected(1, NOON - DAY);

		const report = await history.uptime(
			store.scope,
			{ from: NOON - 31 * DAY, instanceId: shop! },
			PAGE,
		);

		expect(report.instances[0]!.hourly).toHaveLength(31 * 24);
	});

	it('is for its own customer, and ends with the instance', async () => {
		const [shop, gone] = await connected(2, NOON - HOUR);
		await store.storage.instances.remove(gone!, NOON);

		for (const [scope, id] of [
			[stranger, shop!],
			[{ ...store.scope, mode: 'live' as const }, shop!],
			[store.scope, gone!],
		] as const) {
			const notFound = { code: 'instance_not_found' };
			await expect(history.transitions(scope, id, PAGE)).rejects.toMatchObject(notFound);
			await expect(history.uptime(scope, { instanceId: id }, PAGE)).rejects.toMatchObject(notFound);
		}
		expect(await shown({}, PAGE)).toEqual([shop]);
		expect((await history.uptime(stranger, {}, PAGE)).instances).toEqual([]);
	});

	function historyWith(transitions: TransitionStore): History {
		const clock = { ...systemClock, now: () => NOON };
		return new History({ instances: store.storage.instances, transitions, clock });
	}

	async function shown(request: UptimeRequest, page: Page): Promise<InstanceId[]> {
		const { instances } = await history.uptime(store.scope, request, page);
		return instances.map(({ id }) => id);
	}

	async function observed(request: UptimeRequest) {
		const { from, to, instances } = await history.uptime(store.scope, request, PAGE);
		return { from, to, ms: instances[0]!.observedMs };
	}

	async function connected(count: number, at: number): Promise<InstanceId[]> {
		const made: InstanceId[] = [];
		for (let i = 0; i < count; i++) {
			const id = await store.addInstance();
			await change(id, 'pending', 'connected', { at });
			made.push(id);
		}
		return made;
	}

	/** Every instance drops, one after the other, within a few seconds. */
	async function outage(at: number): Promise<void> {
		const all = await store.storage.instances.list(store.scope, PAGE);
		for (const { id } of all) await lose(id, at);
	}

	function lose(id: InstanceId, at: number, reason: StatusReason = 'connection_lost') {
		return change(id, 'connected', 'reconnecting', { at, reason });
	}

	function change(
		instanceId: InstanceId,
		from: InstanceState,
		to: InstanceState,
		{ at, reason = null }: { at: number; reason?: StatusReason | null },
	): Promise<void> {
		const id: TransitionId = ids.next('trn');
		const row = { id, instanceId, from, to, reason, closeCode: null, at };
		return store.storage.transitions.add(row);
	}
});

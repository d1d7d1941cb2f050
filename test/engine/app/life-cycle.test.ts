import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { EngineCore } from '../../support/engine-core.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { eventually } from '../../support/system.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Waits of minutes pass at once here: the engine's clock is moved by the tests. */
describe('an instance over time', () => {
	let clock: ManualClock;
	let core: EngineCore;

	beforeEach(async () => {
		clock = new ManualClock();
		core = await EngineCore.start({ clock, limits: { maxAttempts: 2 } });
	});

	afterEach(async () => {
		await core.stop();
		clock.stop();
	});

	it('tells every change of state once, with the one before', async () => {
		const id = await core.connect();
		await core.instances.stop(core.store.scope, id);

		const seen = await core.eventsNamed('session.status');

		expect(seen.map(({ previous, state }) => `${String(previous)} ${String(state)}`)).toEqual([
			'pending starting',
			'starting qr',
			'qr starting',
			'starting connected',
			'connected stopped',
		]);
		expect(seen.at(-1)).toMatchObject({
			name: 'shop',
			status: 'STOPPED',
			reason: 'stopped_by_user',
		});
	});

	it('keeps each change as history, with how long the state lasted', async () => {
		const id = await core.connect();
		clock.advance(5_000);
		await core.instances.stop(core.store.scope, id);

		const [stopped, connected] = await core.store.storage.transitions.list(id, { limit: 10 });

		expect(stopped).toMatchObject({ to: 'stopped', reason: 'stopped_by_user', durationMs: null });
		expect(connected!.durationMs).toBeGreaterThanOrEqual(5_000);
	});

	it('counts the time without an engine as lost, not as connected', async () => {
		const id = await core.connect();
		const crashedAt = clock.now() + 1_000;
		clock.advance(8 * HOUR_MS);

		core = await core.restarted({ lastAliveAt: crashedAt });
		await core.inState(id, 'connected');

		const [, lost, connected] = await core.store.storage.transitions.list(id, { limit: 10 });
		expect(lost).toMatchObject({ to: 'reconnecting', reason: 'engine_restarted', at: crashedAt });
		expect(lost!.durationMs).toBeGreaterThanOrEqual(8 * HOUR_MS - 2_000);
		expect(connected!.durationMs).toBeLessThan(HOUR_MS);
	});

	it('is restarted on request and keeps its link', async () => {
		const id = await core.connect();

		await core.instances.restart(core.store.scope, id);

		await core.inState(id, 'connected');
		expect(await core.eventNames()).toEqual([
			'qr.updated',
			'instance.connected',
			'instance.disconnected',
			'instance.connected',
		]);
	});

	it.each(['pending', 'stopped'] as const)('is not restarted when it is %s', async (state) => {
		const id = await core.create();
		if (state === 'stopped') await core.instances.stop(core.store.scope, id);

		await expect(core.instances.restart(core.store.scope, id)).rejects.toMatchObject({
			code: 'invalid_transition',
			details: { state },
		});
	});

	it('is not started and restarted in a hurry', async () => {
		const id = await core.connect();
		for (let i = 0; i < 4; i++) await core.instances.restart(core.store.scope, id);

		await expect(core.instances.restart(core.store.scope, id)).rejects.toMatchObject({
			code: 'too_many_restarts',
			details: { retry_after_seconds: expect.any(Number) },
		});

		clock.advance(MINUTE_MS);
		await core.instances.restart(core.store.scope, id);
		await core.inState(id, 'connected');
	});

	it('is unlinked by a logout, which WhatsApp confirms', async () => {
		const id = await core.connect();

		const { instance, confirmed } = await core.instances.logout(core.store.scope, id);

		expect(confirmed).toBe(true);
		expect(instance).toMatchObject({ status: { state: 'logged_out' }, account: null });
		expect(core.network.devices()).toEqual([]);
		await core.phones.scan(core.store.scope, id, {});
		await core.inState(id, 'connected');
	});

	it('may be logged out twice; only what the phone itself has done is certain', async () => {
		const { scope } = core.store;
		const id = await core.connect();
		await core.instances.logout(scope, id);
		const again = await core.instances.logout(scope, id);
		const other = await core.connect();
		await core.phones.fault(scope, other, 'logged_out');
		await core.inState(other, 'logged_out');

		expect(again).toMatchObject({
			confirmed: false,
			instance: { status: { state: 'logged_out' } },
		});
		expect(await core.instances.logout(scope, other)).toMatchObject({ confirmed: true });
		await expect(core.instances.logout(scope, await core.create())).rejects.toMatchObject({
			code: 'invalid_transition',
		});
	});

	it('is restarted when a connection attempt hangs for a minute', async () => {
		const patient = { keepAliveMs: HOUR_MS, openMs: HOUR_MS };
		const hanging = new EngineCore(core.store, core.network, { clock, timing: patient });
		await stuck(hanging);

		clock.advance(MINUTE_MS);

		await eventually(async () => (await hanging.eventsNamed('instance.healed')).length === 1);
		expect(await hanging.eventsNamed('instance.healed')).toMatchObject([
			{ action: 'stuck_restart', restarts_last_hour: 1 },
		]);
		core.network.intercept(undefined);
		await hanging.sessions.close();
	});

	it('says so when WhatsApp does not confirm the logout', async () => {
		const id = await core.connect();
		await core.instances.stop(core.store.scope, id);
		core.network.fault(id, 'upgrade_refused');

		const { instance, confirmed } = await core.instances.logout(core.store.scope, id);

		expect(confirmed).toBe(false);
		expect(instance.status).toMatchObject({ state: 'stopped', reason: 'logged_out_by_user' });
		expect(instance.account).toBeNull();
	});

	it('unlinks another phone than the expected one before it receives a message', async () => {
		const { id } = await core.instances.create(core.store.scope, {
			name: 'shop',
			expectedPhoneNumber: '+55 11 91111-2222',
		});

		await core.phones.scan(core.store.scope, id, { phoneNumber: '5511933334444' });
		await core.inState(id, 'failed');
		await eventually(() => core.network.devices().length === 0, { what: 'the unlinking' });

		expect((await core.get(id)).status.reason).toBe('identity_mismatch');
		expect(await core.eventsNamed('instance.failed')).toMatchObject([
			{ reason: 'identity_mismatch' },
		]);
		expect(await core.eventsNamed('instance.connected')).toEqual([]);
		clock.advance(HOUR_MS);
		expect((await core.get(id)).status.state).toBe('failed');
	});

	it('takes the expected phone', async () => {
		const { id } = await core.instances.create(core.store.scope, {
			name: 'shop',
			expectedPhoneNumber: '5511911112222',
		});

		await core.phones.scan(core.store.scope, id, { phoneNumber: '5511911112222' });

		await core.inState(id, 'connected');
	});

	it('stops showing QR codes after five minutes, and shows them again when asked', async () => {
		const id = await core.create();
		await core.instances.qr(core.store.scope, id);

		clock.advance(5 * MINUTE_MS);

		const instance = await core.inState(id, 'pending');
		expect(instance.status.reason).toBe('pairing_timed_out');
		await eventually(() => core.sessions.counts.open === 0);
		await core.instances.qr(core.store.scope, id);
	});

	it('fails after its reconnects are spent, and is healed half a minute later', async () => {
		const id = await core.connect();
		await failForGood(id);
		core.network.heal(id);

		clock.advance(29_000);
		expect((await core.get(id)).status.state).toBe('failed');
		clock.advance(1_000);

		await core.inState(id, 'connected');
		expect(await core.eventsNamed('instance.failed')).toMatchObject([
			{ reason: 'service_unavailable' },
		]);
		expect(await core.eventsNamed('instance.healed')).toMatchObject([
			{ action: 'restart', reason: 'service_unavailable', restarts_last_hour: 1 },
		]);
		const audit = await core.store.storage.audit.list(core.store.scope.customerId, { limit: 10 });
		expect(audit.map(({ action }) => action)).toContain('instance.healed');
	});

	it('is not healed more often than its policy allows, and tells when that is spent', async () => {
		const { id } = await core.instances.create(core.store.scope, {
			name: 'shop',
			heal: { maxRestartsPerHour: 1 },
		});
		await core.phones.scan(core.store.scope, id, {});
		await core.inState(id, 'connected');
		await failForGood(id);
		clock.advance(30_000);
		await failedTimes(2);

		expect(await core.eventsNamed('instance.heal_exhausted')).toMatchObject([
			{ reason: 'service_unavailable', restarts_last_hour: 1 },
		]);
		clock.advance(10 * MINUTE_MS);
		expect((await core.get(id)).status.state).toBe('failed');
		core.network.heal(id);
		clock.advance(HOUR_MS);
		await core.inState(id, 'connected');
	});

	it('is left alone when healing is switched off', async () => {
		const { id } = await core.instances.create(core.store.scope, {
			name: 'shop',
			heal: { enabled: false },
		});
		await core.phones.scan(core.store.scope, id, {});
		await core.inState(id, 'connected');
		await failForGood(id);
		core.network.heal(id);

		clock.advance(HOUR_MS);

		expect((await core.get(id)).status.state).toBe('failed');
		expect(await core.eventsNamed('instance.healed')).toEqual([]);
	});

	it('goes on healing after a restart of the engine', async () => {
		const id = await core.connect();
		await failForGood(id);
		core.network.heal(id);

		core = await core.restarted();
		clock.advance(30_000);

		await core.inState(id, 'connected');
	});

	it('is restarted in its quiet hour', async () => {
		const id = await core.connect();
		await core.instances.change(core.store.scope, id, {
			heal: { scheduledRestart: { cron: '0 4 * * *', timeZone: 'America/Sao_Paulo' } },
		});

		clock.advance(24 * HOUR_MS);

		await eventually(async () => (await core.eventsNamed('instance.healed')).length === 1);
		expect(await core.eventsNamed('instance.healed')).toMatchObject([
			{ action: 'scheduled_restart' },
		]);
		await core.inState(id, 'connected');
	});

	it('refuses a schedule that makes no sense', async () => {
		await expect(
			core.instances.create(core.store.scope, {
				name: 'shop',
				heal: { scheduledRestart: { cron: 'at dawn', timeZone: 'Mars/Olympus' } },
			}),
		).rejects.toMatchObject({ code: 'invalid_request' });
	});

	it('asks for a person at once, after 5 and 30 minutes, then every six hours', async () => {
		const id = await core.connect();
		await core.phones.fault(core.store.scope, id, 'logged_out');
		await core.inState(id, 'logged_out');

		for (const minutes of [5, 25, 360, 360]) {
			clock.advance(minutes * MINUTE_MS);
			await core.attention.sweep();
		}

		const alerts = (await core.eventsNamed('instance.needs_attention')).filter(
			({ state }) => state === 'logged_out',
		);
		expect(alerts.map(({ level }) => level)).toEqual([1, 2, 3, 4, 5]);
		expect(alerts.map(({ waiting_ms }) => Math.round(Number(waiting_ms) / MINUTE_MS))).toEqual([
			0, 5, 30, 390, 750,
		]);
	});

	it('asks for nobody any more once somebody has acted', async () => {
		const id = await core.connect();
		await core.phones.fault(core.store.scope, id, 'logged_out');
		await core.inState(id, 'logged_out');
		await core.phones.scan(core.store.scope, id, {});
		await core.inState(id, 'connected');
		const before = (await core.eventsNamed('instance.needs_attention')).length;

		clock.advance(HOUR_MS);
		await core.attention.sweep();

		expect(await core.eventsNamed('instance.needs_attention')).toHaveLength(before);
	});

	it('holds its messages while WhatsApp throttles the account', async () => {
		const id = await core.connect();
		core.network.nextAckError(id, 429);
		const send = (text: string) =>
			core.outbound.accept(core.store.scope, id, { to: '5511988887777', text, correlationId: 'r' });
		await send('throttled');
		await eventually(async () => (await core.get(id)).restrictedUntil !== null);
		await send('behind it');

		await new Promise((resolve) => setTimeout(resolve, 100));
		expect(core.network.outbox(id)).toEqual([]);
		clock.advance(5 * MINUTE_MS + 1);

		await eventually(() => core.network.outbox(id).length === 2);
		expect(core.network.outbox(id).map(({ text }) => text)).toEqual(['throttled', 'behind it']);
		expect(await core.eventsNamed('instance.restricted')).toMatchObject([
			{ reason: 'rate_limited' },
		]);
	});

	it('sends for its group as long as it is the first one that can', async () => {
		const first = await core.connect();
		const second = await core.connect();
		const { scope } = core.store;
		await core.instances.change(scope, first, { group: 'sales', priority: 1 });
		await core.instances.change(scope, second, { group: 'sales', priority: 2 });
		const send = () =>
			core.groups.send(scope, 'sales', { to: '5511988887777', text: 'Hi', correlationId: 'r' });

		expect((await send()).instanceId).toBe(first);
		await core.instances.stop(scope, first);
		expect((await send()).instanceId).toBe(second);
		await core.instances.stop(scope, second);
		await expect(send()).rejects.toMatchObject({ code: 'group_unavailable' });
	});

	/** A paired instance whose login is never answered. */
	async function stuck(engine: EngineCore): Promise<InstanceId> {
		core.network.intercept(undefined);
		const id = await engine.connect();
		core.network.intercept((_, { tag, attrs }) => tag === 'iq' && attrs['xmlns'] === 'encrypt');
		await engine.instances.restart(engine.store.scope, id);
		return id;
	}

	/** Every connection is refused until the attempts are spent. */
	async function failForGood(id: InstanceId): Promise<void> {
		core.network.fault(id, 'upgrade_refused', { upgrades: 1_000 });
		await failedTimes(1);
	}

	async function failedTimes(count: number): Promise<void> {
		await eventually(async () => {
			clock.advance(10_000);
			return (await core.eventsNamed('instance.failed')).length === count;
		});
	}
});

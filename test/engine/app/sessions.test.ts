import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { EngineCore } from '../../support/engine-core.ts';
import { eventually } from '../../support/system.ts';

describe('an instance in the engine', () => {
	let core: EngineCore;

	beforeEach(async () => {
		core = await EngineCore.start();
	});

	afterEach(async () => {
		expect(core.network.unhandled).toEqual([]);
		await core.stop();
	});

	it('is started by the first request for its QR code, paired by a scan, and tells of it', async () => {
		const id = await core.create();

		const qr = await core.instances.qr(core.store.scope, id);
		const { phoneNumber } = await core.phones.scan(core.store.scope, id, { pushName: 'Shop' });
		const instance = await core.inState(id, 'connected');

		expect(qr.code).toMatch(/^https:\/\/wa\.me/);
		expect(qr.expiresAt).toBeGreaterThan(Date.now());
		expect(instance.account).toMatchObject({ phoneNumber });
		expect(await core.eventNames()).toEqual(['qr.updated', 'instance.connected']);
		expect(await core.eventsNamed('qr.updated')).toMatchObject([{ code: qr.code }]);
		expect(await core.eventsNamed('instance.connected')).toMatchObject([
			{ phone_number: phoneNumber },
		]);
	});

	it('has no QR code to show once it is connected', async () => {
		const id = await core.connect();

		await expect(core.instances.qr(core.store.scope, id)).rejects.toMatchObject({
			code: 'no_qr',
			details: { state: 'connected' },
		});
	});

	it('keeps its link when it is stopped, and connects without a scan when it is started', async () => {
		const id = await core.connect();

		await core.instances.stop(core.store.scope, id);
		expect((await core.get(id)).status).toMatchObject({
			state: 'stopped',
			reason: 'stopped_by_user',
		});
		await core.instances.start(core.store.scope, id);
		await core.inState(id, 'connected');

		expect(await core.eventNames()).toEqual([
			'qr.updated',
			'instance.connected',
			'instance.disconnected',
			'instance.connected',
		]);
	});

	it.each(['connection_lost', 'server_error', 'restart_required'] as const)(
		'comes back by itself after %s',
		async (kind) => {
			const id = await core.connect();

			await core.phones.fault(core.store.scope, id, kind);

			await eventually(async () => (await core.eventNames()).length === 4);
			expect((await core.get(id)).status.state).toBe('connected');
			expect(await core.eventsNamed('instance.disconnected')).toMatchObject([
				{ reason: kind, will_reconnect: true },
			]);
		},
	);

	it('comes back after its upgrades were refused', async () => {
		const id = await core.connect();

		core.network.fault(id, 'upgrade_refused', { upgrades: 1 });

		await core.inState(id, 'reconnecting');
		await core.inState(id, 'connected');
	});

	it('forgets its keys when the phone unlinks it, and shows a QR code when asked again', async () => {
		const id = await core.connect();

		await core.phones.fault(core.store.scope, id, 'logged_out');
		const instance = await core.inState(id, 'logged_out');

		expect(instance.account).toBeNull();
		expect(await core.eventsNamed('instance.disconnected')).toMatchObject([
			{ reason: 'logged_out', will_reconnect: false, close_code: 401 },
		]);
		await core.phones.scan(core.store.scope, id, {});
		await core.inState(id, 'connected');
	});

	it('gives way to another session of its account and does not fight for it', async () => {
		const id = await core.connect();

		await core.phones.fault(core.store.scope, id, 'replaced');

		expect((await core.inState(id, 'stopped')).status.reason).toBe('replaced');
		expect(await core.eventsNamed('instance.disconnected')).toMatchObject([
			{ will_reconnect: false },
		]);
	});

	it('fails for good when its account is banned', async () => {
		const id = await core.connect();

		await core.phones.fault(core.store.scope, id, 'banned');

		expect((await core.inState(id, 'failed')).status.reason).toBe('banned');
	});

	it('reconnects after a restart of the engine without a scan', async () => {
		const id = await core.connect();

		core = await core.restarted();

		await core.inState(id, 'connected');
		expect(core.sessions.counts).toMatchObject({ open: 1 });
	});

	it('waits to be asked after a restart when it was never paired', async () => {
		const id = await core.create();
		await core.instances.qr(core.store.scope, id);

		core = await core.restarted();

		expect((await core.get(id)).status).toMatchObject({
			state: 'pending',
			reason: 'engine_restarted',
		});
	});

	it('leaves nothing behind when it is deleted', async () => {
		const id = await core.connect();

		await core.instances.remove(core.store.scope, id);

		await expect(core.get(id)).rejects.toMatchObject({ code: 'instance_not_found' });
		expect(core.sessions.counts.open).toBe(0);
		await eventually(() => !core.network.devices()[0]!.connected);
	});

	it('is refused a start when the engine is full, and the count is told', async () => {
		const full = new EngineCore(core.store, core.network, { maxSessions: 1 });
		const first = await full.create();
		const second = await full.create();
		await full.instances.start(core.store.scope, first);

		await expect(full.instances.qr(core.store.scope, second)).rejects.toMatchObject({
			code: 'worker_at_capacity',
			details: { sessions: 1, capacity: 1 },
		});

		await full.instances.stop(core.store.scope, first);
		await full.instances.start(core.store.scope, second);
		await full.sessions.close();
	});

	it('lets no more sessions in than there are places, however close together they start', async () => {
		const full = new EngineCore(core.store, core.network, { maxSessions: 2 });
		const ids = await Promise.all([1, 2, 3, 4].map(() => full.create()));

		const starts = await Promise.allSettled(
			ids.map((id) => full.instances.start(core.store.scope, id)),
		);

		expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
		await full.sessions.close();
	});

	it('connects at most twenty at a time after a restart, and all of them in the end', async () => {
		const ids: InstanceId[] = [];
		for (let i = 0; i < 23; i++) ids.push(await core.connect());
		core.network.intercept((_, { tag, attrs }) => tag === 'iq' && attrs['xmlns'] === 'encrypt');

		core = await core.restarted({ isAwaited: false });
		await eventually(() => core.network.devices().filter((one) => one.connected).length === 20);
		await new Promise((resolve) => setTimeout(resolve, 300));
		const connecting = core.network.devices().filter(({ connected }) => connected).length;
		core.network.intercept(undefined);
		for (const id of ids) await core.phones.fault(core.store.scope, id, 'restart_required');

		expect(connecting).toBe(20);
		for (const id of ids) await core.inState(id, 'connected');
	}, 60_000);

	it('ends the wait for a QR code when the engine stops', async () => {
		core.network.intercept(() => true);
		const id = await core.create();
		const waiting = core.instances.qr(core.store.scope, id);
		await core.inState(id, 'starting');

		const stopped = core.sessions.close();

		await expect(waiting).rejects.toMatchObject({ code: 'shutting_down' });
		await stopped;
		core.network.intercept(undefined);
	});

	it('repeats nothing when it is started or stopped twice', async () => {
		const id = await core.connect();

		await core.instances.start(core.store.scope, id);
		await core.instances.stop(core.store.scope, id);
		await core.instances.stop(core.store.scope, id);

		expect(await core.eventNames()).toEqual([
			'qr.updated',
			'instance.connected',
			'instance.disconnected',
		]);
	});
});

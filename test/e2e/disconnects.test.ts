import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Dispatcher } from '../../engine/src/app/dispatcher.ts';
import type { EndpointId, InstanceId } from '../../engine/src/domain/ids.ts';
import { ResolvingUrlGuard } from '../../engine/src/net/url-guard.ts';
import { UndiciWebhookClient } from '../../engine/src/net/webhook-client.ts';
import type { FaultKind } from '../../engine/src/sandbox/faults.ts';
import { EngineCore } from '../support/engine-core.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Receiver, type ReceivedWebhook } from '../support/receiver.ts';
import { eventually, ids, silentLog } from '../support/system.ts';

/** A first wait is two seconds, of which up to a fifth is left to chance. */
const FIRST_WAIT_MS = { least: 1_600, most: 2_000 };

interface Expected {
	readonly kind: FaultKind;
	readonly code: number;
	readonly reason: string;
}

const HEAL_BY_THEMSELVES: readonly (Expected & { readonly waits: boolean })[] = [
	{ kind: 'restart_required', code: 515, reason: 'restart_required', waits: false },
	{ kind: 'connection_lost', code: 428, reason: 'connection_lost', waits: true },
	{ kind: 'stream_ended', code: 428, reason: 'connection_lost', waits: true },
	{ kind: 'server_error', code: 500, reason: 'server_error', waits: true },
	{ kind: 'service_unavailable', code: 503, reason: 'service_unavailable', waits: true },
	{ kind: 'silent', code: 408, reason: 'connection_timed_out', waits: true },
];

const NEED_SOMEBODY: readonly (Expected & { readonly state: string })[] = [
	{ kind: 'logged_out', code: 401, reason: 'logged_out', state: 'logged_out' },
	{ kind: 'banned', code: 403, reason: 'banned', state: 'failed' },
	{ kind: 'client_outdated', code: 405, reason: 'client_outdated', state: 'failed' },
	{ kind: 'multidevice_mismatch', code: 411, reason: 'client_outdated', state: 'failed' },
	{ kind: 'replaced', code: 440, reason: 'replaced', state: 'stopped' },
];

/** From the socket to the webhook: what a receiver learns of every way to lose a connection. */
describe('a connection that ends', () => {
	let clock: ManualClock;
	let core: EngineCore;
	let receiver: Receiver;
	let client: UndiciWebhookClient;
	let dispatcher: Dispatcher;
	let hook: EndpointId;
	let id: InstanceId;

	beforeEach(async () => {
		clock = new ManualClock();
		core = await EngineCore.start({ clock, timing: { keepAliveMs: 300, openMs: 10_000 } });
		receiver = await new Receiver().start();
		hook = await core.store.addEndpoint({ url: receiver.url, secret: 'whsec_c2VjcmV0' });
		client = new UndiciWebhookClient({ guard: new ResolvingUrlGuard({ allowPrivate: [] }) });
		dispatcher = new Dispatcher({
			storage: core.store.storage,
			ids,
			announce: () => undefined,
			client,
			clock,
			log: silentLog,
			random: Math.random,
			maxPerHost: 4,
			userAgent: 'whatisup-webhooks/1.2.3',
		});
		dispatcher.start();
		id = await core.connect();
		await eventually(() => receiver.of('instance.connected').length);
		receiver.received.length = 0;
	});

	afterEach(async () => {
		await dispatcher.stop();
		await client.close();
		await receiver.stop();
		expect(core.network.unhandled).toEqual([]);
		await core.stop();
		clock.stop();
	});

	it.each(HEAL_BY_THEMSELVES)(
		'with $kind comes back, and is told of once',
		async ({ kind, code, reason, waits }) => {
			core.network.fault(id, kind);

			await eventually(() => receiver.of('instance.connected').length, { withinMs: 20_000 });

			expect(await told()).toEqual([
				['session.status', { state: 'reconnecting', previous: 'connected', reason }],
				['instance.disconnected', { reason, will_reconnect: true, close_code: code }],
				['session.status', { state: 'connected', previous: 'reconnecting', reason: null }],
				['instance.connected', {}],
			]);
			const waitedMs = at('instance.connected') - at('instance.disconnected');
			if (waits) expect(waitedMs).toBeGreaterThanOrEqual(FIRST_WAIT_MS.least);
			else expect(waitedMs).toBeLessThan(FIRST_WAIT_MS.least);
		},
		40_000,
	);

	it.each(NEED_SOMEBODY)(
		'with $kind does not come back by itself, and is told of once',
		async ({ kind, code, reason, state }) => {
			core.network.fault(id, kind);
			await core.inState(id, state as never);
			const needsPerson = state !== 'stopped';

			await eventually(() => receiver.received.length, { what: 'the webhooks' });
			const first = await told();
			// An hour changes nothing: neither a timer nor the healing brings it back.
			clock.advance(60 * 60_000);

			expect(await told()).toEqual(first);
			expect(first).toEqual([
				['session.status', { state, previous: 'connected', reason }],
				['instance.disconnected', { reason, will_reconnect: false, close_code: code }],
				...(state === 'failed' ? [['instance.failed', { reason, close_code: code }]] : []),
				...(needsPerson ? [['instance.needs_attention', { state, reason, level: 1 }]] : []),
			]);
			expect((await core.get(id)).status.state).toBe(state);
		},
	);

	it('with refused upgrades waits longer each time, and comes back', async () => {
		core.network.fault(id, 'upgrade_refused', { upgrades: 2 });

		await eventually(() => receiver.of('instance.connected').length, { withinMs: 25_000 });

		const waitedMs = at('instance.connected') - at('instance.disconnected');
		expect(waitedMs).toBeGreaterThanOrEqual((2_000 + 4_000 + 8_000) * 0.8);
		expect((await told()).map(([event]) => event)).toEqual([
			'session.status',
			'instance.disconnected',
			'session.status',
			'instance.connected',
		]);
	}, 40_000);

	it('because WhatsApp is gone for good is failed after its attempts, then healed', async () => {
		core.network.fault(id, 'upgrade_refused', { upgrades: 11 });

		await eventually(
			async () => {
				// Not while something is under way: a jump would end a lease, or a connection's patience.
				await settled();
				await new Promise((resolve) => setTimeout(resolve, 400));
				clock.advance(50_000);
				return receiver.of('instance.connected').length;
			},
			{ withinMs: 60_000 },
		);

		expect((await told()).map(([event]) => event)).toEqual([
			'session.status',
			'instance.disconnected',
			'session.status',
			'instance.disconnected',
			'instance.failed',
			'instance.needs_attention',
			'instance.healed',
			'session.status',
			'session.status',
			'instance.connected',
		]);
	}, 90_000);

	/** Waits until nothing is left to be sent, and answers it in the order of the sequence. */
	async function told(): Promise<[string, unknown][]> {
		await settled();
		const bySequence = [...receiver.received].sort((a, b) => a.json.sequence - b.json.sequence);
		const sequences = bySequence.map(({ json }) => json.sequence);
		expect(sequences).toEqual(sequences.map((_, i) => sequences[0]! + i));
		return bySequence.map(({ json: { event, data } }) => [event, essence(event, data)]);
	}

	async function settled(): Promise<void> {
		await eventually(async () => {
			const ours = (await core.store.deliveries()).filter(({ endpointId }) => endpointId === hook);
			return ours.every(({ status }) => status === 'success');
		});
	}

	function at(event: string): number {
		const webhook = receiver.of(event)[0] as ReceivedWebhook & { json: { occurred_at: string } };
		return Date.parse(webhook.json.occurred_at);
	}
});

const ESSENCE: Readonly<Record<string, readonly string[]>> = {
	'session.status': ['state', 'previous', 'reason'],
	'instance.disconnected': ['reason', 'will_reconnect', 'close_code'],
	'instance.failed': ['reason', 'close_code'],
	'instance.needs_attention': ['state', 'reason', 'level'],
};

function essence(event: string, data: Record<string, unknown>): Record<string, unknown> {
	const fields = ESSENCE[event] ?? [];
	return Object.fromEntries(fields.map((field) => [field, data[field]]));
}

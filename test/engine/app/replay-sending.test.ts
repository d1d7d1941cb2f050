import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Deliveries } from '../../../engine/src/app/deliveries.ts';
import { ReplayRunner } from '../../../engine/src/app/replay-runner.ts';
import { Replays } from '../../../engine/src/app/replays.ts';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import type { Receiver } from '../../support/receiver.ts';
import { eventually, ids, silentLog } from '../../support/system.ts';
import { anAttempt } from '../storage/delivery-rows.ts';
import { Dispatching, SECRET } from './dispatching.ts';

const CHAT = '5511987654321@s.whatsapp.net';

describe('What is sent again', () => {
	let engine: Dispatching;
	let receiver: Receiver;
	let endpointId: EndpointId;

	beforeEach(async () => {
		engine = await Dispatching.open();
		receiver = await engine.receiver();
		endpointId = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
	});

	afterEach(() => engine.close());

	it('arrives with its event ids, a chat in order, although new events come meanwhile', async () => {
		await engine.store.append(engine.instanceId, 12, CHAT);
		await failAll();
		const lost = (await engine.store.deliveries()).map(({ eventId }) => eventId).reverse();
		const { storage, scope } = engine.store;
		const dispatcher = engine.start();
		const common = { storage, ids, clock: engine.clock, log: silentLog };
		const replays = new Replays(common);
		const runner = new ReplayRunner({ ...common, dispatching: dispatcher });
		const range = { statuses: ['failed'], events: [] } as const;
		const how = { maxPerSecond: 5, correlationId: 'req_1' };
		const { id } = await replays.start(scope, endpointId, range, how);
		runner.start();

		await eventually(() => receiver.received.length >= 5);
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, CHAT));
		await eventually(
			async () => {
				engine.clock.advance(1_000);
				return (await replays.get(scope, endpointId, id)).status === 'completed';
			},
			{ what: 'the end of the replay' },
		);
		await engine.settled('success');
		await runner.stop();

		const received = receiver.received.map(({ json }) => json.event_id);
		expect(received).toHaveLength(13);
		expect(received.filter((eventId) => (lost as string[]).includes(eventId))).toEqual(lost);
	});

	it('lets new events of an endpoint with a pace by', async () => {
		const { storage, scope } = engine.store;
		await storage.endpoints.change(endpointId, { maxPerSecond: 2 }, engine.clock.now());
		await engine.store.append(engine.instanceId, 60);
		await failAll();
		const dispatcher = engine.start();
		const common = { storage, ids, clock: engine.clock, log: silentLog };
		const range = { statuses: ['failed'], events: [] } as const;
		const how = { maxPerSecond: 20, correlationId: 'req_1' };
		const { id } = await new Replays(common).start(scope, endpointId, range, how);
		const runner = new ReplayRunner({ ...common, dispatching: dispatcher });
		const pass = async () => {
			await runner.runOnce();
			engine.clock.advance(1_000);
			await new Promise((resolve) => setTimeout(resolve, 30));
		};
		for (let second = 0; second < 5; second++) await pass();

		dispatcher.wake(await engine.store.append(engine.instanceId, 1, 'new'));
		const [fresh] = await engine.store.deliveries();
		for (let second = 0; second < 8; second++) await pass();

		expect((await storage.deliveries.find(scope, fresh!.id))!.status).toBe('success');
		expect((await storage.replays.find(endpointId, id))!.status).toBe('running');
	});

	it('goes through all attempts again, and keeps counting them', async () => {
		await engine.store.append(engine.instanceId, 1);
		await failAll();
		const { storage, scope } = engine.store;
		const [delivery] = await engine.store.deliveries();
		const dispatching = engine.start();
		const deliveries = new Deliveries({ storage, dispatching, ids, clock: engine.clock });
		receiver.answer = () => 503;

		await deliveries.redeliver(scope, delivery!.id, 'req_1');
		await engine.settled('retrying');
		receiver.answer = () => 200;
		engine.clock.advance(60_000);
		await engine.settled('success');

		for (const { json } of receiver.received) expect(json.event_id).toBe(delivery!.eventId);
		expect(receiver.received.map(({ headers }) => headers['x-whatisup-attempt'])).toEqual([
			'2',
			'3',
		]);
		expect(await deliveries.get(scope, delivery!.id)).toMatchObject({
			status: 'success',
			attemptCount: 3,
		});
	});

	/** As the dispatcher would, were there one, after the last attempt. */
	async function failAll(): Promise<void> {
		const { queue } = engine.store.storage;
		const now = engine.clock.now();
		const turn = { now, leaseMs: 60_000, settle: [], putOff: [], hasten: [], probe: [] };
		const [claimed] = await queue.turn({ ...turn, claim: new Map([[endpointId, 100]]) });
		const settle = claimed!.deliveries.map((delivery) => ({
			delivery,
			outcome: { status: 'failed', error: 'No answer.', responseStatus: null } as const,
			attempt: anAttempt(),
			isProbe: false,
			at: now,
		}));
		await queue.turn({ ...turn, settle, claim: new Map() });
	}
});

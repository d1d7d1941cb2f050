import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Dispatcher } from '../../../engine/src/app/dispatcher.ts';
import type { Clock } from '../../../engine/src/app/ports.ts';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import type { Receiver } from '../../support/receiver.ts';
import { eventually } from '../../support/system.ts';
import { Dispatching, SECRET } from './dispatching.ts';

/** Three quarters of what its host may have under way. */
const PLACES = 3;

describe('a receiver that takes requests and never answers', () => {
	let engine: Dispatching;
	let hanging: Receiver;
	let hangs: EndpointId;
	let works: EndpointId;
	let dispatcher: Dispatcher;
	let chats = 0;

	beforeEach(async () => {
		engine = await Dispatching.open();
		hanging = await engine.receiver();
		hanging.answer = () => undefined;
		const working = await engine.receiver();
		hangs = await engine.store.addEndpoint({ url: hanging.url, secret: SECRET });
		works = await engine.store.addEndpoint({ url: working.url, secret: SECRET });
	});

	afterEach(() => engine.close());

	it('has what it cannot take yet left in the database', async () => {
		dispatcher = engine.start({ maxPerHost: 4 });
		for (let events = 1; events <= 10; events++) await passOne();

		const claimed = (await deliveriesTo(hangs)).filter(({ attemptCount }) => attemptCount > 0);

		// One more waits for a place; from then on nothing is taken.
		expect(claimed).toHaveLength(PLACES + 1);
	});

	it('does not keep the others waiting, whose deliveries are settled at once', async () => {
		let isFrozen = false;
		const after: Clock['after'] = (ms, work) =>
			isFrozen ? () => undefined : engine.clock.after(ms, work);
		dispatcher = engine.start({ clock: { now: () => engine.clock.now(), after } });
		for (let events = 1; events <= PLACES + 1; events++) await passOne();

		// From now on, what waits for company waits for ever.
		isFrozen = true;
		for (let events = 1; events <= 6; events++) await passOne();

		const settled = (await deliveriesTo(works)).map(({ status }) => status);
		expect(settled).toEqual(Array.from({ length: 10 }, () => 'success'));
	});

	it('gets all of it once it answers again', async () => {
		dispatcher = engine.start();
		for (let events = 1; events <= 10; events++) await passOne();

		hanging.answer = () => 200;
		hanging.hangUp();
		await eventually(async () => {
			engine.clock.advance(10_000);
			return (await engine.store.statuses()).every((status) => status === 'success');
		});
	});

	/** An event of another chat, for both. Waits for the endpoint that works. */
	async function passOne(): Promise<void> {
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, `${chats++}@s.whatsapp.net`));
		await eventually(
			async () => (await deliveriesTo(works)).every(({ status }) => status === 'success'),
			{ what: 'the delivery to the endpoint that works' },
		);
	}

	async function deliveriesTo(id: EndpointId) {
		return (await engine.store.deliveries()).filter(({ endpointId }) => endpointId === id);
	}
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import {
	anInbound,
	anInstance,
	anOutbound,
	MINUTE,
	moveIn,
	NOON,
	type Household,
} from './records.ts';

describe.each(DIALECTS)('MessagesRepository on %s', (dialect) => {
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
		const { messages } = database.storage;
		const message = anOutbound(home.instanceId, {
			body: { type: 'text', text: 'Olá \u0000 👋🏽 \ud800 "quoted"\n' },
			clientRef: 'order-7',
			error: { code: 'refused', message: 'No.' },
			correlationId: ids.next('req'),
			status: 'failed',
			sentAt: NOON,
			deliveredAt: NOON + 1,
			readAt: NOON + 2,
			failedAt: NOON + 3,
		});

		await messages.add([message]);

		expect(await messages.find(home.instanceId, message.id)).toEqual(message);
		expect(await messages.find(await anotherInstance(), message.id)).toBeUndefined();
	});

	it('adds nothing when a message is redelivered, in another batch or in the same', async () => {
		const { messages } = database.storage;
		const first = anInbound(home.instanceId);
		const again = { ...first, id: ids.next('msg') };
		const other = anInbound(home.instanceId);

		expect(await messages.add([first, again])).toEqual(new Set([first.id]));
		expect(await messages.add([again, other])).toEqual(new Set([other.id]));
		expect(await messages.find(home.instanceId, again.id)).toBeUndefined();
	});

	it('tells messages apart by instance, direction and chat', async () => {
		const { messages } = database.storage;
		const message = anInbound(home.instanceId);
		await messages.add([message]);

		const others = [
			{ ...message, id: ids.next('msg'), instanceId: await anotherInstance() },
			{ ...message, id: ids.next('msg'), direction: 'out' as const },
			{ ...message, id: ids.next('msg'), chat: '5511900000000@s.whatsapp.net' },
		];

		expect((await messages.add(others)).size).toBe(3);
	});

	it('adds a burst that no single statement could hold', async () => {
		const { messages } = database.storage;
		const burst = Array.from({ length: 1_100 }, () => anInbound(home.instanceId));

		expect((await messages.add(burst)).size).toBe(1_100);
		expect((await messages.add(burst)).size).toBe(0);
		expect((await messages.add([])).size).toBe(0);
	});

	it('finds a message by the id that WhatsApp knows it by', async () => {
		const { messages } = database.storage;
		const message = anOutbound(home.instanceId);
		await messages.add([message]);

		expect(await messages.findByWaId(home.instanceId, 'out', message.waId)).toEqual(message);
		expect(await messages.findByWaId(home.instanceId, 'in', message.waId)).toBeUndefined();
		expect(await messages.findByWaId(await anotherInstance(), 'out', message.waId)).toBeUndefined();
	});

	it('lists what waits to be sent in the order it was accepted', async () => {
		const { messages } = database.storage;
		const queued = [1, 2, 3].map(() => anOutbound(home.instanceId));
		await messages.add([
			...queued,
			anOutbound(home.instanceId, { status: 'sent' }),
			anInbound(home.instanceId),
			anOutbound(await anotherInstance()),
		]);

		expect(await messages.listQueued(home.instanceId, 10)).toEqual(queued);
		expect(await messages.listQueued(home.instanceId, 2)).toEqual(queued.slice(0, 2));
	});

	it('lists what has been queued for too long, on any instance', async () => {
		const { messages } = database.storage;
		const old = anOutbound(home.instanceId, { createdAt: NOON - 2 });
		const older = anOutbound(await anotherInstance(), { createdAt: NOON - 3 });
		await messages.add([
			old,
			older,
			anOutbound(home.instanceId, { createdAt: NOON }),
			anOutbound(home.instanceId, { createdAt: NOON - 4, status: 'sent' }),
		]);

		expect(await messages.listOverdue(NOON, 10)).toEqual([older, old]);
		expect(await messages.listOverdue(NOON, 1)).toEqual([older]);
	});

	it('changes a message that is still where the caller believes it to be', async () => {
		const { messages } = database.storage;
		const message = anOutbound(home.instanceId);
		await messages.add([message]);

		const sent = await messages.change(message.id, ['queued'], { status: 'sent', sentAt: NOON });
		const failed = await messages.change(message.id, ['sent'], {
			status: 'failed',
			failedAt: NOON + MINUTE,
			error: { code: 'refused', message: 'No.' },
		});
		const cleared = await messages.change(message.id, ['failed'], { error: null });

		expect(sent).toEqual({ ...message, status: 'sent', sentAt: NOON });
		expect(failed).toEqual({
			...sent,
			status: 'failed',
			failedAt: NOON + MINUTE,
			error: { code: 'refused', message: 'No.' },
		});
		expect(cleared).toEqual({ ...failed, error: null });
	});

	it('leaves a message alone that has moved on', async () => {
		const { messages } = database.storage;
		const message = anOutbound(home.instanceId, { status: 'read', readAt: NOON });
		await messages.add([message]);

		expect(
			await messages.change(message.id, ['sent', 'delivered'], { status: 'delivered' }),
		).toBeUndefined();
		expect(await messages.change(message.id, [], { status: 'sent' })).toBeUndefined();
		expect(await messages.find(home.instanceId, message.id)).toEqual(message);
	});

	async function anotherInstance(): Promise<InstanceId> {
		const instance = anInstance(home.scope);
		await database.storage.instances.add(instance);
		return instance.id;
	}
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Message } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { EngineCore } from '../../support/engine-core.ts';
import { eventually } from '../../support/system.ts';

const CONTACT = '5511988887777';

describe('an outbound message', () => {
	let core: EngineCore;
	let id: InstanceId;

	beforeEach(async () => {
		core = await EngineCore.start();
		id = await core.connect();
	});

	afterEach(async () => {
		expect(core.network.unhandled).toEqual([]);
		await core.stop();
	});

	it('is queued, sent, delivered and read, and its sending is told once', async () => {
		const message = await send('Hello');
		expect(message.status).toBe('queued');

		const read = await inStatus(message, 'read');

		expect(read.sentAt).not.toBeNull();
		expect(read.deliveredAt).not.toBeNull();
		expect(core.network.outbox(id)).toMatchObject([{ to: CONTACT, text: 'Hello' }]);
		expect((await core.events()).filter(({ event }) => event === 'message.sent')).toMatchObject([
			{ data: { message_id: message.id, to: `+${CONTACT}`, client_ref: 'order-7' } },
		]);
	});

	it('arrives in the order of acceptance', async () => {
		const texts = Array.from({ length: 30 }, (_, i) => `message ${i}`);

		for (const text of texts) await send(text);

		await eventually(() => core.network.outbox(id).length === texts.length);
		expect(core.network.outbox(id).map(({ text }) => text)).toEqual(texts);
	});

	it('waits while the instance is stopped, and leaves when it is back', async () => {
		await core.instances.stop(core.store.scope, id);
		const message = await send('later');
		await new Promise((resolve) => setTimeout(resolve, 100));
		expect((await get(message)).status).toBe('queued');

		await core.instances.start(core.store.scope, id);

		await inStatus(message, 'read');
	});

	it('fails fast when the caller would rather not wait', async () => {
		await core.instances.stop(core.store.scope, id);

		await expect(
			core.outbound.accept(core.store.scope, id, {
				to: CONTACT,
				text: 'now or never',
				failFast: true,
				correlationId: 'req_1',
			}),
		).rejects.toMatchObject({ code: 'not_connected', details: { state: 'stopped' } });
	});

	it('that was not acknowledged is sent again under the same id, and read once', async () => {
		core.network.intercept((_, node) => node.tag === 'message');
		const message = await send('again');
		await new Promise((resolve) => setTimeout(resolve, 200));
		core.network.intercept(undefined);

		await core.phones.fault(core.store.scope, id, 'restart_required');

		await inStatus(message, 'read');
		expect(core.network.outbox(id)).toMatchObject([{ messageId: message.waId, text: 'again' }]);
	});

	it('fails with a reason when WhatsApp refuses it', async () => {
		core.network.nextAckError(id, 463);

		const message = await send('hello stranger');

		expect((await inStatus(message, 'failed')).error).toMatchObject({ code: 'account_restricted' });
		expect((await core.events()).at(-1)).toMatchObject({
			event: 'message.failed',
			data: { message_id: message.id, error: { code: 'account_restricted' } },
		});
	});

	it('is encrypted anew when the contact cannot read it', async () => {
		await inStatus(await send('first'), 'read');
		const [account] = core.network.devices();
		core.network.loseSessions({ contact: CONTACT, account: account!.phoneNumber });

		const message = await send('second');

		await inStatus(message, 'read');
		expect(core.network.outbox(id).map(({ text }) => text)).toEqual(['first', 'second']);
	});

	it('needs a recipient that is a phone number or an address', async () => {
		await expect(
			core.outbound.accept(core.store.scope, id, {
				to: 'Maria',
				text: 'hello',
				correlationId: 'req_1',
			}),
		).rejects.toMatchObject({ code: 'invalid_request' });
	});

	function send(text: string): Promise<Message> {
		return core.outbound.accept(core.store.scope, id, {
			to: `+${CONTACT}`,
			text,
			clientRef: 'order-7',
			correlationId: 'req_1',
		});
	}

	function get(message: Message): Promise<Message> {
		return core.outbound.get(core.store.scope, id, message.id);
	}

	function inStatus(message: Message, status: Message['status']): Promise<Message> {
		return eventually(
			async () => {
				const now = await get(message);
				return now.status === status ? now : undefined;
			},
			{ what: `status ${status}` },
		);
	}
});

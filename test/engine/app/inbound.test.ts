import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Inbound } from '../../../engine/src/app/inbound.ts';
import type { InboundMessage, JournalEntry } from '../../../engine/src/app/ports.ts';
import type { NewEvent } from '../../../engine/src/domain/events.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import { ids, silentLog, systemClock } from '../../support/system.ts';

const URL_OF_NOBODY = 'http://127.0.0.1:9/hook';

describe('inbound messages', () => {
	let store: TestEngineStore;
	let instanceId: InstanceId;
	let wakes: number;

	beforeEach(async () => {
		store = await TestEngineStore.open();
		instanceId = await store.addInstance();
		await store.addEndpoint({ url: URL_OF_NOBODY, secret: 'whsec_c2VjcmV0' });
		wakes = 0;
	});

	afterEach(() => store.close());

	it('become one event and one delivery each, and leave the journal', async () => {
		const inbound = inboundOn(readable);

		inbound.accept(await journal('one', 'two'));
		await inbound.idle();

		expect(await payloads()).toMatchObject([
			{ sequence: 2, data: { body: { type: 'text', text: 'two' } } },
			{ sequence: 1, data: { from: '5511988887777', chat_type: 'direct', from_me: false } },
		]);
		expect(await store.storage.journal.list(10)).toEqual([]);
		expect(wakes).toBe(1);
	});

	it('that an earlier run left in the journal become events at the start', async () => {
		await journal(...Array.from({ length: 230 }, (_, i) => `message ${i}`));

		await inboundOn(readable).recover();

		expect(await store.storage.journal.list(10)).toEqual([]);
		const [newest] = await payloads();
		expect(newest).toMatchObject({ sequence: 230, data: { body: { text: 'message 229' } } });
	});

	it('become no second event when WhatsApp delivers them again', async () => {
		const inbound = inboundOn(readable);
		inbound.accept(await journal('once'));
		await inbound.idle();

		inbound.accept(await journal('once'));
		await inbound.idle();

		expect(await payloads()).toHaveLength(1);
		expect(await store.storage.journal.list(10)).toEqual([]);
	});

	it('that cannot be read stay in the journal and hold nothing up', async () => {
		const inbound = inboundOn((entry) => {
			if (textOf(entry) === 'odd') throw new Error('what is this');
			return readable(entry);
		});

		inbound.accept(await journal('odd', 'fine'));
		await inbound.idle();
		await inbound.recover();

		expect((await store.storage.journal.list(10)).map(textOf)).toEqual(['odd']);
		expect(await payloads()).toHaveLength(1);
	});

	it('that are no message to a person leave the journal without an event', async () => {
		const inbound = inboundOn(() => undefined);

		inbound.accept(await journal('a sender key'));
		await inbound.idle();

		expect(await store.storage.journal.list(10)).toEqual([]);
		expect(await payloads()).toEqual([]);
	});

	it('are kept and tried again when the database fails', async () => {
		const entries = await journal('kept');
		const { storage } = store;
		const transaction = storage.transaction.bind(storage);
		let failures = 1;
		const inbound = inboundOn(readable, async (work) => {
			if (failures-- > 0) throw new Error('disk full');
			return transaction(work);
		});

		inbound.accept(entries);
		await inbound.idle();

		expect(await payloads()).toHaveLength(1);
	});

	it.each([
		['direct', '5511988887777@s.whatsapp.net'],
		['group', '120363025246125486@g.us'],
		['status', 'status@broadcast'],
		['newsletter', '120363144038483540@newsletter'],
	])('of a chat of type %s say so', async (chatType, chat) => {
		const events: NewEvent[] = [];
		const inbound = inboundOn(
			(entry) => ({ ...readable(entry), chat }),
			(work) =>
				store.storage.transaction((stores) => {
					const append = stores.events.append.bind(stores.events);
					stores.events.append = (instance, some, now) => {
						events.push(...some);
						return append(instance, some, now);
					};
					return work(stores);
				}),
		);

		inbound.accept(await journal('one'));
		await inbound.idle();

		expect(events).toMatchObject([{ chat, data: { chat_id: chat, chat_type: chatType } }]);
	});

	function inboundOn(
		translate: (entry: JournalEntry) => InboundMessage | undefined,
		transaction = store.storage.transaction,
	): Inbound {
		return new Inbound({
			storage: { ...store.storage, transaction },
			driver: { translate },
			ids,
			clock: systemClock,
			log: silentLog,
			announce: () => wakes++,
		});
	}

	function journal(...texts: string[]): Promise<JournalEntry[]> {
		const entries = texts.map((text) => ({
			stanza: Buffer.from('{}'),
			plaintext: Buffer.from(text),
			receivedAt: Date.now(),
		}));
		return store.storage.journal.add(instanceId, entries);
	}

	async function payloads(): Promise<unknown[]> {
		const deliveries = await store.deliveries();
		return deliveries.map(({ payload }) => JSON.parse(payload!) as unknown);
	}
});

/** Stands for a driver: the text is the plaintext, and also WhatsApp's id. */
function readable(entry: JournalEntry): InboundMessage {
	const text = textOf(entry);
	return {
		waId: text,
		chat: '5511988887777@s.whatsapp.net',
		sender: '5511988887777@s.whatsapp.net',
		senderLid: null,
		pushName: null,
		fromMe: false,
		body: { type: 'text', text },
	};
}

function textOf(entry: JournalEntry): string {
	return Buffer.from(entry.plaintext).toString();
}

import type { SignalDataSet } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JournalEntry, NewJournalEntry } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import {
	BaileysAuthState,
	INBOUND_PLAINTEXT,
} from '../../../engine/src/drivers/baileys/auth-state.ts';
import { TestEngineStore } from '../../support/engine-store.ts';

const ENTRY: NewJournalEntry = {
	stanza: Buffer.from('{}'),
	plaintext: Buffer.from('hi'),
	receivedAt: Date.UTC(2026, 0, 1, 12),
};

describe('BaileysAuthState', () => {
	let store: TestEngineStore;
	let instanceId: InstanceId;
	let auth: BaileysAuthState;
	let commits: number;
	let journaled: JournalEntry[];

	beforeEach(async () => {
		store = await TestEngineStore.open();
		instanceId = await store.addInstance();
		commits = 0;
		journaled = [];
		const { authState } = store.storage;
		const commit = authState.commit.bind(authState);
		authState.commit = (...args) => {
			commits++;
			return commit(...args);
		};
		auth = await load();
	});

	afterEach(() => store.close());

	it('gives at once what was set, and keeps it', async () => {
		auth.set(sessionOf('a', { step: 1 }));
		auth.set({ 'device-list': { '5511': ['0', '3'] } });
		const before = await read();

		await auth.durable();

		expect(before).toEqual({ session: { a: { step: 1 } }, devices: { '5511': ['0', '3'] } });
		expect(await read()).toEqual(before);
		expect(await read(await load())).toEqual(before);
	});

	it('writes what changes in one turn of the event loop in one commit', async () => {
		for (let step = 1; step <= 10; step++) {
			auth.set({ ...sessionOf('a', { step }), ...plaintext(`message ${step}`) });
		}
		auth.saveCreds();

		await auth.durable();

		expect(commits).toBe(1);
		expect(journaled.map(({ plaintext: bytes }) => Buffer.from(bytes).toString())).toEqual(
			Array.from({ length: 10 }, (_, i) => `message ${i + 1}`),
		);
		expect(await read(await load())).toMatchObject({ session: { a: { step: 10 } } });
	});

	it('has nothing to wait for when all is on the disk', async () => {
		const before = auth.durable();
		auth.set(sessionOf('a', { step: 1 }));
		const written = auth.durable();

		await written;

		expect(before).toBeUndefined();
		expect(written).toBeInstanceOf(Promise);
		expect(auth.durable()).toBeUndefined();
	});

	it('does not write the same step of a ratchet twice', async () => {
		const step = { step: 1 };
		auth.set(sessionOf('a', step));
		await auth.durable();

		auth.set(sessionOf('a', step));

		expect(auth.durable()).toBeUndefined();
		expect(commits).toBe(1);
	});

	it('writes a ratchet again that was removed in between', async () => {
		const step = { step: 1 };
		auth.set(sessionOf('a', step));
		auth.set(sessionOf('a', null));
		await auth.durable();
		const removed = await read();

		auth.set(sessionOf('a', step));
		await auth.durable();

		expect(removed.session).toEqual({});
		expect((await read(await load())).session).toEqual({ a: { step: 1 } });
	});

	it('keeps what was set as it was then, when its owner changes it afterwards', async () => {
		const devices = ['0'];
		auth.set({ 'device-list': { '5511': devices } });
		devices.push('7');
		const [found] = Object.values((await read()).devices);
		found?.push('8');

		await auth.durable();

		expect((await read()).devices).toEqual({ '5511': ['0'] });
		expect((await read(await load())).devices).toEqual({ '5511': ['0'] });
	});

	it('writes nothing any more once it is abandoned', async () => {
		auth.set(sessionOf('a', { step: 1 }));
		const written = auth.durable();
		auth.abandon();

		await expect(written).rejects.toThrow();

		expect(commits).toBe(0);
		expect((await read(await load())).session).toEqual({});
	});

	it('tells once that the disk has refused a change, and writes nothing after it', async () => {
		const failures: unknown[] = [];
		auth.failed = (error) => failures.push(error);
		auth.journal({ ...ENTRY, receivedAt: 'soon' as unknown as number });
		const first = auth.durable();
		await expect(first).rejects.toThrow();

		auth.set(sessionOf('a', { step: 1 }));

		await expect(auth.durable()).rejects.toThrow();
		expect(failures).toHaveLength(1);
		expect((await read(await load())).session).toEqual({});
	});

	function load(): Promise<BaileysAuthState> {
		return BaileysAuthState.load(instanceId, store.storage.authState, (entries) =>
			journaled.push(...entries),
		);
	}

	async function read(from = auth) {
		return {
			session: await from.keys.get('session', ['a']),
			devices: await from.keys.get('device-list', ['5511']),
		};
	}
});

/** Baileys calls a session a byte array and sets an object. */
function sessionOf(id: string, value: object | null): SignalDataSet {
	return { session: { [id]: value as Uint8Array | null } };
}

function plaintext(text: string): SignalDataSet {
	const entry = { ...ENTRY, plaintext: Buffer.from(text) };
	return { [INBOUND_PLAINTEXT]: { [text]: entry } } as SignalDataSet;
}

import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Pairing } from '../../../engine/src/app/pairing.ts';
import type { PairingView } from '../../../engine/src/app/pairing-view.ts';
import type { Clock } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import type { Scope } from '../../../engine/src/domain/scope.ts';
import { EngineCore } from '../../support/engine-core.ts';
import { eventually, ids, systemClock } from '../../support/system.ts';

const NUMBER = '5511988887777';
const MINUTE = 60_000;
const NOT_FOUND = { code: 'pairing_link_not_found' };

describe('a pairing link', () => {
	let core: EngineCore;
	let clock: MovableClock;
	let pairing: Pairing;
	let scope: Scope;
	let id: InstanceId;

	beforeEach(async () => {
		core = await EngineCore.start();
		clock = new MovableClock();
		const { instances, sessions } = core;
		const { storage } = core.store;
		const baseUrl = () => 'https://engine.example';
		pairing = new Pairing({ storage, instances, sessions, ids, clock, baseUrl });
		scope = core.store.scope;
		id = await core.create();
	});

	afterEach(() => core.stop());

	it('is an address with a token of 256 bits, of which only the hash is kept', async () => {
		const { url, expiresAt } = await pairing.links.create(scope, id);

		const token = tokenOf(url);
		expect(url).toMatch(/^https:\/\/engine\.example\/pair\/[\w-]{43}$/);
		expect(expiresAt - clock.now()).toBeGreaterThan(30 * MINUTE - 5_000);
		expect(await core.store.storage.pairingLinks.find(id)).toEqual({
			instanceId: id,
			tokenHash: createHash('sha256').update(token).digest('hex'),
			expiresAt,
		});
	});

	it('replaces the one before it', async () => {
		const former = await newToken();
		const present = await newToken();

		await expect(pairing.view(former)).rejects.toMatchObject(NOT_FOUND);
		expect(await pairing.view(present)).toMatchObject({ name: 'shop', step: 'idle' });
	});

	it('ends when it is revoked, also for a page that waits', async () => {
		const token = await newToken();
		const { version } = await pairing.view(token);
		const waiting = pairing.view(token, version);

		await pairing.links.revoke(scope, id);

		await expect(waiting).rejects.toMatchObject(NOT_FOUND);
		expect(await pairing.links.find(scope, id)).toBeUndefined();
		await pairing.links.revoke(scope, id);
	});

	it('ends after half an hour', async () => {
		const token = await newToken();

		clock.move(30 * MINUTE - 1_000);
		expect(await pairing.links.find(scope, id)).toBeDefined();
		clock.move(1_000);

		expect(await pairing.links.find(scope, id)).toBeUndefined();
		await expect(pairing.view(token)).rejects.toMatchObject(NOT_FOUND);
		await expect(pairing.start(token)).rejects.toMatchObject(NOT_FOUND);
		await expect(pairing.requestCode(token, NUMBER)).rejects.toMatchObject(NOT_FOUND);
	});

	it('ends with the pairing, and says for a minute that it worked', async () => {
		const token = await newToken();
		await pairing.start(token);
		await core.phones.scan(scope, id, { phoneNumber: NUMBER });
		await core.inState(id, 'connected');

		expect(await pairing.view(token)).toMatchObject({
			step: 'connected',
			phoneNumber: '…7777',
			canStart: false,
			qr: null,
		});
		expect(await pairing.links.find(scope, id)).toBeUndefined();
		await expect(pairing.start(token)).rejects.toMatchObject(NOT_FOUND);
		await expect(pairing.requestCode(token, NUMBER)).rejects.toMatchObject(NOT_FOUND);

		clock.move(MINUTE);
		await expect(pairing.view(token)).rejects.toMatchObject(NOT_FOUND);
	});

	it('opens nothing again when the phone that it linked is unlinked', async () => {
		const token = await newToken();
		await core.phones.scan(scope, id, {});
		await core.inState(id, 'connected');

		await core.phones.fault(scope, id, 'logged_out');
		await core.inState(id, 'logged_out');

		expect(await pairing.view(token)).toMatchObject({ step: 'idle', canStart: false });
		await expect(pairing.start(token)).rejects.toMatchObject(NOT_FOUND);
		clock.move(MINUTE);
		await expect(pairing.view(token)).rejects.toMatchObject(NOT_FOUND);
	});

	it('ends with its instance', async () => {
		const token = await newToken();

		await core.instances.remove(scope, id);

		await expect(pairing.view(token)).rejects.toMatchObject(NOT_FOUND);
	});

	it('is not made for an instance that a phone is linked to already', async () => {
		const connected = await core.connect();

		await expect(pairing.links.create(scope, connected)).rejects.toMatchObject({
			code: 'invalid_transition',
			details: { state: 'connected' },
		});
	});

	it('is found with its own token only, whatever is sent instead', async () => {
		const token = await newToken();

		for (const wrong of ['', 'x', token.slice(1), `${token}A`, token.toLowerCase(), '../v1']) {
			await expect(pairing.view(wrong)).rejects.toMatchObject(NOT_FOUND);
			expect(await pairing.links.findByToken(wrong)).toBeUndefined();
		}
	});

	it('leaves a trace in the audit log when it is made and when it is revoked', async () => {
		await pairing.links.create(scope, id, { correlationId: 'req_a' });
		await pairing.links.revoke(scope, id, { correlationId: 'req_b' });
		await pairing.links.revoke(scope, id, { correlationId: 'req_c' });

		const rows = await core.store.storage.audit.list(scope.customerId, { limit: 10 });
		expect(rows).toMatchObject([
			{ action: 'pairing_link.revoked', instanceId: id, correlationId: 'req_b', details: {} },
			{ action: 'pairing_link.created', instanceId: id, correlationId: 'req_a', details: {} },
		]);
	});

	it('belongs to one customer', async () => {
		await newToken();
		const stranger: Scope = { customerId: ids.next('cust'), mode: 'test' };

		for (const attempt of [
			() => pairing.links.create(stranger, id),
			() => pairing.links.find(stranger, id),
			() => pairing.links.revoke(stranger, id),
			() => pairing.pairCode(stranger, id, NUMBER),
		]) {
			await expect(attempt()).rejects.toMatchObject({ code: 'instance_not_found' });
		}
		expect(await pairing.links.find(scope, id)).toBeDefined();
	});

	describe('on the page that it opens', () => {
		let token: string;

		beforeEach(async () => {
			token = await newToken();
		});

		it('starts nothing by being looked at, and shows a QR code once it is asked to', async () => {
			expect(await pairing.view(token)).toMatchObject({ step: 'idle', canStart: true });
			expect((await core.get(id)).status.state).toBe('pending');

			await pairing.start(token);
			const view = await untilStep(token, 'scan');

			expect(view.qr).toEqual(core.sessions.qrOf(id));
			expect(view).toMatchObject({ canStart: false, phoneNumber: null, pairingCode: null });
		});

		it('answers a page that waits at the next change', async () => {
			const { version } = await pairing.view(token);

			const next = pairing.view(token, version);
			await core.instances.start(scope, id);

			expect((await next).version).not.toBe(version);
		});

		it('does not wake a page for what happens to other instances', async () => {
			const { version } = await pairing.view(token);
			let answered = false;
			const waiting = pairing.view(token, version).then(() => (answered = true));

			const other = await core.create();
			await core.instances.qr(scope, other);

			expect(answered).toBe(false);
			await pairing.links.create(scope, other);
			clock.move(10_000);
			core.sessions.changes.tell(id);
			await waiting;
		});

		it('ends the wait of a page when the engine stops', async () => {
			const { version } = await pairing.view(token);
			const waiting = pairing.view(token, version);

			const stopped = core.sessions.close();

			await expect(waiting).rejects.toMatchObject({ code: 'shutting_down' });
			await stopped;
		});

		it('never starts an instance that was stopped on purpose', async () => {
			await core.instances.stop(scope, id);

			expect(await pairing.view(token)).toMatchObject({ step: 'stopped', canStart: false });
			const refused = { code: 'invalid_transition', details: { state: 'stopped' } };
			await expect(pairing.start(token)).rejects.toMatchObject(refused);
			await expect(pairing.requestCode(token, NUMBER)).rejects.toMatchObject(refused);
			expect((await core.get(id)).status.state).toBe('stopped');
		});

		it('gets a code for a phone number, shows it, and links the phone that it is typed into', async () => {
			const { code, expiresAt } = await pairing.requestCode(token, NUMBER);

			expect(code).toMatch(/^[0-9A-Z]{8}$/);
			expect(expiresAt).toBeGreaterThan(clock.now());
			expect((await pairing.view(token)).pairingCode).toEqual({ code, expiresAt });
			await core.phones.enterCode(scope, id, { phoneNumber: NUMBER, code });
			await core.inState(id, 'connected');
			expect(await pairing.view(token)).toMatchObject({
				step: 'connected',
				phoneNumber: '…7777',
				pairingCode: null,
			});
		});

		it('shows a code to the link that asked for it, until it has run out', async () => {
			const { expiresAt } = await pairing.requestCode(token, NUMBER);
			const next = await newToken();

			expect((await pairing.view(next)).pairingCode).toBeNull();
			const again = await pairing.requestCode(next, NUMBER);
			expect((await pairing.view(next)).pairingCode).toEqual(again);

			clock.move(expiresAt - clock.now());
			expect((await pairing.view(next)).pairingCode).toBeNull();
		});

		it('no longer shows a code once another one has taken its place', async () => {
			await pairing.requestCode(token, NUMBER);

			await pairing.pairCode(scope, id, NUMBER);

			expect((await pairing.view(token)).pairingCode).toBeNull();
		});

		it('gets three codes in ten minutes, and no more', async () => {
			for (let i = 0; i < 3; i++) await pairing.requestCode(token, NUMBER);

			await expect(pairing.requestCode(token, NUMBER)).rejects.toMatchObject({
				code: 'pair_code_unavailable',
				details: { reason: 'too_many_codes', retry_after_seconds: expect.any(Number) },
			});

			clock.move(10 * MINUTE);
			await pairing.requestCode(token, NUMBER);
		});

		it('gives no code for another number than the one that the instance expects', async () => {
			await core.instances.change(scope, id, { expectedPhoneNumber: NUMBER });

			await expect(pairing.requestCode(token, '5511900000000')).rejects.toMatchObject({
				code: 'pair_code_unavailable',
				details: { reason: 'identity_mismatch' },
			});
			await pairing.requestCode(token, NUMBER);
		});

		it('says that another phone was linked, and can show a new code', async () => {
			await core.instances.change(scope, id, { expectedPhoneNumber: NUMBER });
			await core.phones.scan(scope, id, { phoneNumber: '5511900000000' });
			await core.inState(id, 'failed');

			expect(await pairing.view(token)).toMatchObject({
				step: 'failed',
				reason: 'identity_mismatch',
				canStart: true,
				phoneNumber: null,
			});
			await pairing.start(token);
			await untilStep(token, 'scan');
		});
	});

	it('says on its page that WhatsApp wants a passkey, and lets another phone be tried', async () => {
		const token = await newToken();
		await core.instances.qr(scope, id);

		core.network.push(id, {
			tag: 'notification',
			attrs: { from: '@s.whatsapp.net', type: 'passkey_prologue_request', id: '1' },
			content: [],
		});
		await core.inState(id, 'failed');

		expect(await pairing.view(token)).toMatchObject({
			step: 'failed',
			reason: 'passkey_required',
			canStart: true,
		});
		await pairing.start(token);
		await untilStep(token, 'scan');
	});

	describe('and a code without a link', () => {
		it('starts an instance that was never started', async () => {
			const { code } = await pairing.pairCode(scope, id, NUMBER);

			await core.phones.enterCode(scope, id, { phoneNumber: NUMBER, code });
			expect((await core.inState(id, 'connected')).account?.phoneNumber).toBe(NUMBER);
		});

		it.each(['connected', 'stopped'] as const)('is not to be had when %s', async (state) => {
			const instance = await core.connect();
			if (state === 'stopped') await core.instances.stop(scope, instance);

			await expect(pairing.pairCode(scope, instance, NUMBER)).rejects.toMatchObject({
				code: 'pair_code_unavailable',
				details: { state },
				hint: expect.any(String),
			});
		});
	});

	async function newToken(): Promise<string> {
		return tokenOf((await pairing.links.create(scope, id)).url);
	}

	/** Follows a link as its page does. */
	function untilStep(token: string, step: PairingView['step']): Promise<PairingView> {
		let since: string | undefined;
		return eventually(
			async () => {
				const view = await pairing.view(token, since);
				since = view.version;
				return view.step === step ? view : undefined;
			},
			{ what: `step ${step}` },
		);
	}
});

function tokenOf(url: string): string {
	return url.split('/pair/')[1]!;
}

class MovableClock implements Clock {
	#aheadMs = 0;

	now(): number {
		return systemClock.now() + this.#aheadMs;
	}

	after(ms: number, work: () => void): () => void {
		return systemClock.after(ms, work);
	}

	move(ms: number): void {
		this.#aheadMs += ms;
	}
}

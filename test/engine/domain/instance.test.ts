import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
	advance,
	closeReason,
	CONTRACT_STATUS,
	isRunning,
	NEW_INSTANCE,
	permits,
	SESSION_STATUS,
	type InstanceInput,
	type InstanceState,
	type InstanceStatus,
} from '../../../engine/src/domain/instance.ts';

const MAX_ATTEMPTS = 10;
const STATES = Object.keys(CONTRACT_STATUS) as InstanceState[];

describe('an instance', () => {
	it('goes from its creation over a QR code to connected', () => {
		const seen = walk(NEW_INSTANCE, [
			{ type: 'start' },
			{ type: 'qr' },
			closedWith(515),
			{ type: 'retry' },
			{ type: 'opened' },
		]);

		expect(seen).toEqual(['starting', 'qr', 'starting', 'starting', 'connected']);
	});

	it('connects again at once when WhatsApp asks for a restart', () => {
		const step = advance(inState('connected'), closedWith(515));

		expect(step.status).toEqual({ state: 'reconnecting', reason: 'restart_required', attempt: 1 });
		expect(step.work).toEqual([{ type: 'wait', ms: 0 }]);
	});

	it.each([408, 428, 500, 503, 599])('comes back by itself after close code %d', (code) => {
		const step = advance(inState('connected'), closedWith(code));

		expect(step.status.state).toBe('reconnecting');
		expect(step.work).toEqual([{ type: 'wait', ms: 2_000 }]);
	});

	it('waits twice as long after each failure, and never more than five minutes', () => {
		let status = inState('connected');
		const waits: number[] = [];
		for (let i = 0; i < MAX_ATTEMPTS; i++) {
			const step = advance(status, closedWith(428));
			status = step.status;
			waits.push(...step.work.flatMap((work) => (work.type === 'wait' ? [work.ms] : [])));
		}

		expect(waits.slice(0, 4)).toEqual([2_000, 4_000, 8_000, 16_000]);
		expect(waits.at(-1)).toBe(300_000);
	});

	it('forgets its keys when the phone unlinks it, and waits for a person', () => {
		const step = advance(inState('connected'), closedWith(401));

		expect(step.status).toMatchObject({ state: 'logged_out', reason: 'logged_out' });
		expect(step.work).toEqual([{ type: 'forget_keys' }]);
		expect(advance(step.status, { type: 'retry' }).work).toEqual([]);
	});

	it('gives way when the account is opened elsewhere', () => {
		const step = advance(inState('connected'), closedWith(440));

		expect(step.status).toMatchObject({ state: 'stopped', reason: 'replaced' });
		expect(step.work).toEqual([]);
	});

	it.each([
		[403, 'banned'],
		[405, 'client_outdated'],
		[411, 'client_outdated'],
	])('fails for good after close code %d: %s', (code, reason) => {
		const step = advance(inState('reconnecting'), closedWith(code));

		expect(step.status).toMatchObject({ state: 'failed', reason });
		expect(step.work).toEqual([]);
	});

	it('shows new QR codes when those of a connection ran out, until the time for pairing is over', () => {
		const renewed = advance(inState('qr'), { ...closedWith(408), hadQr: true });
		const ended = advance(inState('qr'), { type: 'pairing_timeout' });

		expect(renewed).toEqual({ status: inState('qr'), work: [{ type: 'connect' }] });
		expect(ended.status).toMatchObject({ state: 'pending', reason: 'pairing_timed_out' });
	});

	it('waits before it connects again when WhatsApp is gone before the first QR code', () => {
		const step = advance(inState('starting'), closedWith(408));

		expect(step.status.state).toBe('starting');
		expect(step.work).toEqual([{ type: 'wait', ms: 2_000 }]);
	});

	it('fails when too many connections in a row fail', () => {
		let status = inState('connected');
		for (let i = 0; i < MAX_ATTEMPTS; i++) status = advance(status, closedWith(428)).status;
		expect(status).toMatchObject({ state: 'reconnecting', attempt: MAX_ATTEMPTS });

		const step = advance(status, closedWith(428));

		expect(step.status).toEqual({ state: 'failed', reason: 'connection_lost', attempt: 0 });
		expect(step.work).toEqual([]);
	});

	it('does not spin when WhatsApp asks for one restart after another', () => {
		const first = advance(inState('connected'), closedWith(515));
		const second = advance(first.status, closedWith(515));

		expect(first.work).toEqual([{ type: 'wait', ms: 0 }]);
		expect(second.work).toEqual([{ type: 'wait', ms: 4_000 }]);
	});

	it.each(['connected', 'reconnecting', 'starting', 'qr', 'failed'] as const)(
		'is restarted from %s',
		(state) => {
			const step = advance(inState(state), { type: 'restart' });

			expect(isRunning(step.status.state)).toBe(true);
			expect(step.status.reason).toBe('restarted_by_user');
			expect(step.work).toEqual([{ type: 'disconnect' }, { type: 'connect' }]);
		},
	);

	it('is unlinked by a logout, and comes back only by a start', () => {
		const step = advance(inState('connected'), { type: 'logout' });

		expect(step.status).toMatchObject({ state: 'logged_out', reason: 'logged_out_by_user' });
		expect(step.work).toEqual([{ type: 'unlink' }]);
		expect(permits('logged_out', 'restart')).toBe(false);
	});

	it('refuses the wrong phone and unlinks it', () => {
		const step = advance(inState('qr'), { type: 'refuse_link', reason: 'identity_mismatch' });

		expect(step.status).toMatchObject({ state: 'failed', reason: 'identity_mismatch' });
		expect(step.work).toEqual([{ type: 'unlink' }]);
	});

	it('is healed from failed only, and by schedule from connected only', () => {
		for (const state of STATES) {
			expect(advance(inState(state), { type: 'heal' }).work.length > 0).toBe(state === 'failed');
			expect(advance(inState(state), { type: 'scheduled_restart' }).work.length > 0).toBe(
				state === 'connected',
			);
		}
	});

	it('never connects by itself once its keys are gone', () => {
		fc.assert(
			fc.property(fc.array(anyInputBut('start')), (inputs) => {
				let status = inState('logged_out');
				for (const input of inputs) {
					const step = advance(status, input);
					status = step.status;
					expect(step.work.map(({ type }) => type)).not.toContain('connect');
				}
				expect(['logged_out', 'stopped']).toContain(status.state);
			}),
		);
	});

	it('reconnects after a restart of the engine when it is paired, and else waits to be asked', () => {
		const paired = advance(inState('connected'), { type: 'resume', canConnect: true });
		const unpaired = advance(inState('qr'), { type: 'resume', canConnect: false });

		expect(paired.status.state).toBe('reconnecting');
		expect(paired.work).toEqual([{ type: 'connect' }]);
		expect(unpaired.status.state).toBe('pending');
		expect(unpaired.work).toEqual([]);
	});

	it('stays stopped whatever happens, until it is started', () => {
		fc.assert(
			fc.property(fc.array(anyInputBut('start')), (inputs) => {
				const seen = walk(inState('stopped'), inputs);

				expect(new Set(seen)).toEqual(new Set(inputs.length > 0 ? ['stopped'] : []));
			}),
		);
	});

	it('is in a known state with a sane number of failures after any inputs', () => {
		fc.assert(
			fc.property(fc.constantFrom(...STATES), fc.array(anyInput()), (state, inputs) => {
				let status = inState(state);
				for (const input of inputs) status = advance(status, input).status;

				expect(STATES).toContain(status.state);
				expect(status.attempt).toBeGreaterThanOrEqual(0);
				expect(status.attempt > 0 ? isRunning(status.state) : true).toBe(true);
			}),
		);
	});

	it('opens no connection in a state that needs none', () => {
		fc.assert(
			fc.property(fc.constantFrom(...STATES), anyInput(), (state, input) => {
				const { status, work } = advance(inState(state), input);

				const connects = work.some(({ type }) => type === 'connect' || type === 'wait');
				expect(connects && !isRunning(status.state)).toBe(false);
			}),
		);
	});

	it('names a reason for every close code', () => {
		expect(closeReason(401)).toBe('logged_out');
		expect(closeReason(12_345)).toBe('connection_lost');
	});

	it('has a word for each state in both vocabularies', () => {
		expect(Object.keys(SESSION_STATUS)).toEqual(Object.keys(CONTRACT_STATUS));
	});
});

function inState(state: InstanceState): InstanceStatus {
	return { state, reason: null, attempt: 0 };
}

function closedWith(code: number): Extract<InstanceInput, { type: 'closed' }> {
	return { type: 'closed', code, random: 1, hadQr: false, maxAttempts: MAX_ATTEMPTS };
}

function walk(status: InstanceStatus, inputs: readonly InstanceInput[]): InstanceState[] {
	const seen: InstanceState[] = [];
	for (const input of inputs) {
		status = advance(status, input).status;
		seen.push(status.state);
	}
	return seen;
}

function anyInput(): fc.Arbitrary<InstanceInput> {
	return fc.oneof(
		fc.constantFrom<InstanceInput>(
			{ type: 'start' },
			{ type: 'stop' },
			{ type: 'qr' },
			{ type: 'opened' },
			{ type: 'retry' },
			{ type: 'restart' },
			{ type: 'logout' },
			{ type: 'stuck' },
			{ type: 'pairing_timeout' },
			{ type: 'heal' },
			{ type: 'scheduled_restart' },
			{ type: 'refuse_link', reason: 'identity_mismatch' },
			{ type: 'resume', canConnect: true },
			{ type: 'resume', canConnect: false },
		),
		fc.record({
			type: fc.constant('closed' as const),
			code: fc.constantFrom(401, 403, 405, 408, 411, 428, 429, 440, 463, 500, 503, 515, 999),
			hadQr: fc.boolean(),
			maxAttempts: fc.integer({ min: 1, max: 20 }),
			random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
		}),
	);
}

function anyInputBut(type: InstanceInput['type']): fc.Arbitrary<InstanceInput> {
	return anyInput().filter((input) => input.type !== type);
}

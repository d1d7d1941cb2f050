import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
	afterFailure,
	CLOSED,
	mayProbe,
	OPENING_FAILURES,
	probing,
	type CircuitState,
} from '../../../engine/src/domain/circuit.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const MIDDLE = 0.5;

describe('the circuit of an endpoint', () => {
	it('stays closed for nine failures in a row and opens with the tenth', () => {
		const nine = fail(CLOSED, OPENING_FAILURES - 1);
		const ten = afterFailure(nine, NOON, MIDDLE);

		expect(nine).toMatchObject({ name: 'closed', consecutiveFailures: 9, nextProbeAt: null });
		expect(ten).toMatchObject({ name: 'open', consecutiveFailures: 10 });
	});

	it('lets a probe go after five seconds, give or take a fifth, and not before', () => {
		const early = afterFailure(fail(CLOSED, 9), NOON, 0);
		const late = afterFailure(fail(CLOSED, 9), NOON, 1);

		expect(early.nextProbeAt).toBe(NOON + 4_000);
		expect(late.nextProbeAt).toBe(NOON + 6_000);
		expect(mayProbe(early, NOON + 3_999)).toBe(false);
		expect(mayProbe(early, NOON + 4_000)).toBe(true);
	});

	it('waits twice as long after each failed probe, up to five minutes', () => {
		let circuit = fail(CLOSED, OPENING_FAILURES);
		const waits: number[] = [];
		for (let probe = 0; probe < 9; probe++) {
			waits.push((circuit.nextProbeAt! - NOON) / 1_000);
			circuit = afterFailure(probing(circuit), NOON, MIDDLE);
		}

		expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
	});

	it('sends no second probe while one is on its way', () => {
		const circuit = probing(fail(CLOSED, OPENING_FAILURES));

		expect(circuit.name).toBe('half_open');
		expect(mayProbe(circuit, NOON + 3_600_000)).toBe(false);
	});

	it('is not delayed by what was under way when it opened', () => {
		const open = fail(CLOSED, OPENING_FAILURES);

		const later = afterFailure(open, NOON + 4_000, MIDDLE);

		expect(later).toEqual({ ...open, consecutiveFailures: 11 });
	});

	it('always has a next probe while it is open, within six minutes', () => {
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.boolean(), fc.double({ min: 0, max: 0.999, noNaN: true }))),
				(steps) => {
					let circuit: CircuitState = CLOSED;
					for (const [probe, random] of steps) {
						if (probe && circuit.name === 'open') circuit = probing(circuit);
						circuit = afterFailure(circuit, NOON, random);
						if (circuit.name !== 'open') continue;
						expect(circuit.nextProbeAt! - NOON).toBeGreaterThanOrEqual(4_000);
						expect(circuit.nextProbeAt! - NOON).toBeLessThanOrEqual(360_000);
					}
				},
			),
		);
	});
});

function fail(circuit: CircuitState, times: number): CircuitState {
	return times === 0 ? circuit : fail(afterFailure(circuit, NOON, MIDDLE), times - 1);
}

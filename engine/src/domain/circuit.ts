/**
 * When an endpoint is left alone because its receiver is down, as a pure function.
 *
 *   closed ──10 failures in a row──▶ open ──time for a probe──▶ half open
 *     ▲                               ▲                            │   │
 *     └───────────── success ─────────┼────────────────────────────┘   │
 *                                     └───────────── failure ──────────┘
 *
 * While it is open nothing is sent but a probe: one delivery of those that wait, first after five
 * seconds, then twice as long after each failure, up to five minutes. What waits meanwhile does not use up its
 * attempts, so an outage of hours costs no delivery. The first success lets everything go at once.
 *
 * Ten in a row is more than one delivery fails in all its attempts: a message that its receiver
 * cannot take does not open the circuit by itself.
 */
export interface CircuitState {
	readonly name: 'closed' | 'open' | 'half_open';
	readonly consecutiveFailures: number;
	/** When the next probe may go out; `null` unless open. */
	readonly nextProbeAt: number | null;
	/** Failed probes since it opened. */
	readonly failedProbes: number;
}

export const CLOSED: CircuitState = {
	name: 'closed',
	consecutiveFailures: 0,
	nextProbeAt: null,
	failedProbes: 0,
};

export const OPENING_FAILURES = 10;

const FIRST_PROBE_MS = 5_000;
const LONGEST_PROBE_MS = 5 * 60_000;
const JITTER = 0.2;

/** `random` is in [0, 1): endpoints that went down together are not probed together. */
export function afterFailure(circuit: CircuitState, now: number, random: number): CircuitState {
	const consecutiveFailures = circuit.consecutiveFailures + 1;
	switch (circuit.name) {
		case 'closed':
			return consecutiveFailures < OPENING_FAILURES
				? { ...circuit, consecutiveFailures }
				: opened({ consecutiveFailures, failedProbes: 0 }, now, random);
		case 'half_open':
			return opened({ consecutiveFailures, failedProbes: circuit.failedProbes + 1 }, now, random);
		// A request from before the opening.
		case 'open':
			return { ...circuit, consecutiveFailures };
	}
}

export function mayProbe({ name, nextProbeAt }: CircuitState, now: number): boolean {
	return name === 'open' && nextProbeAt !== null && nextProbeAt <= now;
}

export function probing(circuit: CircuitState): CircuitState {
	return { ...circuit, name: 'half_open', nextProbeAt: null };
}

function opened(
	counts: Pick<CircuitState, 'consecutiveFailures' | 'failedProbes'>,
	now: number,
	random: number,
): CircuitState {
	const waitMs = Math.min(FIRST_PROBE_MS * 2 ** counts.failedProbes, LONGEST_PROBE_MS);
	const nextProbeAt = now + Math.round(waitMs * (1 - JITTER + 2 * JITTER * random));
	return { name: 'open', ...counts, nextProbeAt };
}

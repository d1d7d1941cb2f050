/**
 * The life of one instance, as a pure function: `advance(status, input)` answers with the next
 * status and the work that it calls for. The caller does the work; nothing here reads a clock,
 * waits or opens a socket.
 *
 *   pending ──start──▶ starting ──qr──▶ qr ──opened──▶ connected
 *                        ▲  └────────opened───────────────▲ │
 *                      start                       opened │ │ closed
 *                        │                                │ ▼
 *   stopped, logged_out, failed ◀──closed for good── reconnecting ◀─retry─┐
 *                                                          └──closed──────┘
 *
 * `stop` leads to `stopped` from anywhere, and only `start` leads out of it. An input that a state
 * does not expect changes nothing: a socket may speak once more after it was closed.
 */
export type InstanceState =
	| 'pending'
	| 'starting'
	| 'qr'
	| 'connected'
	| 'reconnecting'
	| 'stopped'
	| 'logged_out'
	| 'failed';

/** Why the instance is in its state; `null` where the state says it all. */
export type StatusReason = CloseReason | 'stopped_by_user' | 'engine_restarted';

export interface InstanceStatus {
	readonly state: InstanceState;
	readonly reason: StatusReason | null;
	/** Failed connections in a row; the wait before the next one grows with it. */
	readonly attempt: number;
}

export type InstanceInput =
	| { readonly type: 'start' | 'stop' | 'qr' | 'opened' | 'retry' }
	/** The engine came up again and finds the instance as the last run left it. */
	| { readonly type: 'resume'; readonly canConnect: boolean }
	| { readonly type: 'closed'; readonly code: number; readonly random: number };

export type InstanceWork =
	| { readonly type: 'connect' | 'disconnect' | 'forget_keys' }
	| { readonly type: 'wait'; readonly ms: number };

export interface InstanceStep {
	readonly status: InstanceStatus;
	readonly work: readonly InstanceWork[];
}

export const NEW_INSTANCE: InstanceStatus = { state: 'pending', reason: null, attempt: 0 };

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 5 * 60_000;

export type CloseReason =
	| 'logged_out'
	| 'banned'
	| 'client_outdated'
	| 'connection_timed_out'
	| 'connection_lost'
	| 'replaced'
	| 'server_error'
	| 'service_unavailable'
	| 'restart_required'
	| 'pairing_timed_out';

type Remedy = 'again_now' | 'again_later' | 'unlink' | 'give_way' | 'give_up';

/**
 * What WhatsApp's close codes mean and what helps. 440 gives way because the account was opened
 * elsewhere: two sessions that fight over it would each throw the other out for ever.
 */
const CLOSE_CODES: Readonly<Record<number, { reason: CloseReason; remedy: Remedy }>> = {
	401: { reason: 'logged_out', remedy: 'unlink' },
	403: { reason: 'banned', remedy: 'give_up' },
	405: { reason: 'client_outdated', remedy: 'give_up' },
	408: { reason: 'connection_timed_out', remedy: 'again_later' },
	411: { reason: 'client_outdated', remedy: 'give_up' },
	428: { reason: 'connection_lost', remedy: 'again_later' },
	440: { reason: 'replaced', remedy: 'give_way' },
	500: { reason: 'server_error', remedy: 'again_later' },
	503: { reason: 'service_unavailable', remedy: 'again_later' },
	515: { reason: 'restart_required', remedy: 'again_now' },
};

const UNKNOWN_CLOSE = { reason: 'connection_lost', remedy: 'again_later' } as const;

/** The close code of a session whose QR codes ran out unscanned. */
const TIMED_OUT = 408;

export function advance(status: InstanceStatus, input: InstanceInput): InstanceStep {
	switch (input.type) {
		case 'start':
			return isRunning(status.state)
				? stay(status)
				: go({ state: 'starting', reason: null, attempt: 0 }, { type: 'connect' });
		case 'stop':
			return status.state === 'stopped'
				? stay(status)
				: go({ state: 'stopped', reason: 'stopped_by_user', attempt: 0 }, { type: 'disconnect' });
		case 'qr':
			return status.state === 'starting' || status.state === 'reconnecting'
				? go({ state: 'qr', reason: null, attempt: 0 })
				: stay(status);
		case 'opened':
			return isRunning(status.state) && status.state !== 'connected'
				? go({ state: 'connected', reason: null, attempt: 0 })
				: stay(status);
		case 'retry':
			return status.state === 'reconnecting' || status.state === 'starting'
				? { status, work: [{ type: 'connect' }] }
				: stay(status);
		case 'resume':
			return resume(status, input.canConnect);
		case 'closed':
			return isRunning(status.state) ? closed(status, input.code, input.random) : stay(status);
	}
}

/** Whether the engine holds, or is about to open, a session for an instance in this state. */
export function isRunning(state: InstanceState): boolean {
	return (
		state === 'starting' || state === 'qr' || state === 'connected' || state === 'reconnecting'
	);
}

export function closeReason(code: number): CloseReason {
	return (CLOSE_CODES[code] ?? UNKNOWN_CLOSE).reason;
}

function closed(status: InstanceStatus, code: number, random: number): InstanceStep {
	if (status.state === 'qr' && code === TIMED_OUT) {
		return go({ state: 'pending', reason: 'pairing_timed_out', attempt: 0 });
	}
	const { reason, remedy } = CLOSE_CODES[code] ?? UNKNOWN_CLOSE;
	switch (remedy) {
		case 'unlink':
			return go({ state: 'logged_out', reason, attempt: 0 }, { type: 'forget_keys' });
		case 'give_up':
			return go({ state: 'failed', reason, attempt: 0 });
		case 'give_way':
			return go({ state: 'stopped', reason, attempt: 0 });
		case 'again_now':
			return go(again(status, reason), { type: 'wait', ms: 0 });
		case 'again_later':
			return go(again(status, reason), { type: 'wait', ms: waitMs(status.attempt, random) });
	}
}

/** A first connection that fails is still starting; one that was up is coming back. */
function again(status: InstanceStatus, reason: CloseReason): InstanceStatus {
	const wasUp = status.state === 'connected' || status.state === 'reconnecting';
	return {
		state: wasUp ? 'reconnecting' : 'starting',
		reason,
		attempt: status.attempt + 1,
	};
}

/** Full waits double from two seconds to five minutes; a fifth of each is left to chance. */
function waitMs(attempt: number, random: number): number {
	const full = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
	return Math.round(full * (0.8 + 0.2 * random));
}

/** A session that was never paired starts again when someone asks for its QR code. */
function resume(status: InstanceStatus, canConnect: boolean): InstanceStep {
	if (!isRunning(status.state)) return stay(status);
	return canConnect
		? go({ state: 'reconnecting', reason: 'engine_restarted', attempt: 0 }, { type: 'connect' })
		: go({ state: 'pending', reason: 'engine_restarted', attempt: 0 });
}

function go(status: InstanceStatus, ...work: InstanceWork[]): InstanceStep {
	return { status, work };
}

function stay(status: InstanceStatus): InstanceStep {
	return { status, work: [] };
}

/** The contract's word for each state. */
export const CONTRACT_STATUS = {
	pending: 'pending',
	starting: 'connecting',
	qr: 'qr',
	connected: 'connected',
	reconnecting: 'connecting',
	stopped: 'disconnected',
	logged_out: 'disconnected',
	failed: 'failed',
} as const satisfies Record<InstanceState, string>;

/** Wawp's word for each state, for workflows that come from there. */
export const SESSION_STATUS = {
	pending: 'STOPPED',
	starting: 'STARTING',
	qr: 'SCAN_QR_CODE',
	connected: 'WORKING',
	reconnecting: 'STARTING',
	stopped: 'STOPPED',
	logged_out: 'STOPPED',
	failed: 'FAILED',
} as const satisfies Record<InstanceState, string>;

/**
 * The life of one instance, as a pure function: `advance(status, input)` answers with the next
 * status and the work that it calls for. The caller does the work; nothing here reads a clock,
 * waits or opens a socket.
 *
 *   pending ──start──▶ starting ──qr──▶ qr ──opened──▶ connected
 *                        ▲  └────────opened───────────────▲ │
 *               start, heal                        opened │ │ closed
 *                        │                                │ ▼
 *   stopped, logged_out, failed ◀──closed for good── reconnecting ◀─retry─┐
 *                                                          └──closed──────┘
 *
 * `stop` leads to `stopped` from anywhere, and only `start` leads out of it. `logout` leads from
 * anywhere else to `logged_out`, with the keys gone; a `start` then leads to a QR code.
 * An input that a state does not expect changes nothing: a socket may speak once more after it was
 * closed. `permits` tells a caller beforehand what would change nothing because it makes no sense.
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
export type StatusReason =
	| CloseReason
	| 'stopped_by_user'
	| 'restarted_by_user'
	| 'logged_out_by_user'
	| 'engine_restarted'
	| 'identity_mismatch'
	| 'passkey_required'
	| 'healed'
	| 'stuck';

export interface InstanceStatus {
	readonly state: InstanceState;
	readonly reason: StatusReason | null;
	/** Failed connections in a row; the wait before the next one grows with it. */
	readonly attempt: number;
}

export type InstanceInput =
	/** What callers ask for. */
	| { readonly type: 'start' | 'stop' | 'restart' | 'logout' }
	/** What a session tells. */
	| { readonly type: 'qr' | 'opened' }
	/** What a timer tells: try again; no answer for too long; nobody scanned; heal what failed. */
	| { readonly type: 'retry' | 'stuck' | 'pairing_timeout' | 'heal' | 'scheduled_restart' }
	/** The link that was just made must not be: another phone than expected, or a dead end. */
	| { readonly type: 'refuse_link'; readonly reason: 'identity_mismatch' | 'passkey_required' }
	/** The engine came up again and finds the instance as the last run left it. */
	| { readonly type: 'resume'; readonly canConnect: boolean }
	| {
			readonly type: 'closed';
			readonly code: number;
			/** In [0, 1): a fifth of each wait is left to chance. */
			readonly random: number;
			/** Whether this connection has shown a QR code: then its time is over, and a new one is due. */
			readonly hadQr: boolean;
			/** Failed connections in a row after which the instance counts as failed. */
			readonly maxAttempts: number;
	  };

/** `unlink` also tells WhatsApp, as far as it can be reached; `forget_keys` is for when it knows. */
export type InstanceWork =
	| { readonly type: 'connect' | 'disconnect' | 'forget_keys' | 'unlink' }
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
	| 'restricted'
	| 'pairing_timed_out';

export type Remedy = 'again_now' | 'again_later' | 'unlink' | 'give_way' | 'give_up';

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
	429: { reason: 'restricted', remedy: 'again_later' },
	440: { reason: 'replaced', remedy: 'give_way' },
	463: { reason: 'restricted', remedy: 'again_later' },
	500: { reason: 'server_error', remedy: 'again_later' },
	503: { reason: 'service_unavailable', remedy: 'again_later' },
	515: { reason: 'restart_required', remedy: 'again_now' },
};

const UNKNOWN_CLOSE = { reason: 'connection_lost', remedy: 'again_later' } as const;

/** Also the close code of a session whose QR codes ran out unscanned. */
const TIMED_OUT = 408;

export function advance(status: InstanceStatus, input: InstanceInput): InstanceStep {
	const { state } = status;
	switch (input.type) {
		case 'start':
			return isRunning(state) ? stay(status) : go(starting(null), { type: 'connect' });
		case 'stop':
			return state === 'stopped'
				? stay(status)
				: go({ state: 'stopped', reason: 'stopped_by_user', attempt: 0 }, { type: 'disconnect' });
		case 'restart':
			return permits(state, 'restart') ? again(status, 'restarted_by_user') : stay(status);
		case 'scheduled_restart':
			return state === 'connected' ? again(status, 'healed') : stay(status);
		case 'heal':
			return state === 'failed' ? again(status, 'healed') : stay(status);
		case 'stuck':
			return state === 'starting' || state === 'reconnecting'
				? again({ ...status, attempt: status.attempt + 1 }, 'stuck')
				: stay(status);
		case 'logout':
			return permits(state, 'logout') ? go(loggedOut(state), { type: 'unlink' }) : stay(status);
		case 'refuse_link':
			return isRunning(state)
				? go({ state: 'failed', reason: input.reason, attempt: 0 }, { type: 'unlink' })
				: stay(status);
		case 'qr':
			return state === 'starting' || state === 'reconnecting'
				? go({ state: 'qr', reason: null, attempt: 0 })
				: stay(status);
		case 'pairing_timeout':
			return state === 'qr'
				? go({ state: 'pending', reason: 'pairing_timed_out', attempt: 0 })
				: stay(status);
		case 'opened':
			return isRunning(state) && state !== 'connected'
				? go({ state: 'connected', reason: null, attempt: 0 })
				: stay(status);
		case 'retry':
			return state === 'reconnecting' || state === 'starting'
				? { status, work: [{ type: 'connect' }] }
				: stay(status);
		case 'resume':
			return resume(status, input.canConnect);
		case 'closed':
			return isRunning(state) ? closed(status, input) : stay(status);
	}
}

/** Whether this request makes sense in this state. Starting and stopping always do. */
export function permits(state: InstanceState, request: 'restart' | 'logout'): boolean {
	switch (request) {
		case 'restart':
			return isRunning(state) || state === 'failed';
		case 'logout':
			return state !== 'pending' && state !== 'logged_out';
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

function closed(
	status: InstanceStatus,
	{ code, random, hadQr, maxAttempts }: Extract<InstanceInput, { type: 'closed' }>,
): InstanceStep {
	if (status.state === 'qr' && code === TIMED_OUT && hadQr) return go(status, { type: 'connect' });
	const { reason, remedy } = CLOSE_CODES[code] ?? UNKNOWN_CLOSE;
	switch (remedy) {
		case 'unlink':
			return go({ state: 'logged_out', reason, attempt: 0 }, { type: 'forget_keys' });
		case 'give_up':
			return go({ state: 'failed', reason, attempt: 0 });
		case 'give_way':
			return go({ state: 'stopped', reason, attempt: 0 });
		case 'again_now':
		case 'again_later': {
			const attempt = status.attempt + 1;
			if (attempt > maxAttempts) return go({ state: 'failed', reason, attempt: 0 });
			const ms = remedy === 'again_now' && attempt === 1 ? 0 : waitMs(status.attempt, random);
			return go({ state: comingBack(status.state), reason, attempt }, { type: 'wait', ms });
		}
	}
}

/** A first connection that fails is still starting; one that was up is coming back. */
function comingBack(state: InstanceState): 'starting' | 'reconnecting' {
	return state === 'connected' || state === 'reconnecting' ? 'reconnecting' : 'starting';
}

/** A restart: the connection is dropped, if there is one, and made anew at once. */
function again(status: InstanceStatus, reason: StatusReason): InstanceStep {
	return go(
		{ state: comingBack(status.state), reason, attempt: reason === 'stuck' ? status.attempt : 0 },
		{ type: 'disconnect' },
		{ type: 'connect' },
	);
}

/** A logout is no start: what was stopped stays so, without a link. */
function loggedOut(state: InstanceState): InstanceStatus {
	const next = state === 'stopped' ? 'stopped' : 'logged_out';
	return { state: next, reason: 'logged_out_by_user', attempt: 0 };
}

function starting(reason: StatusReason | null): InstanceStatus {
	return { state: 'starting', reason, attempt: 0 };
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

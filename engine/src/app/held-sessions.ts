import { EngineError } from '../domain/errors.ts';
import type { InstanceId } from '../domain/ids.ts';
import { isRunning, type InstanceState } from '../domain/instance.ts';
import type {
	Account,
	Clock,
	DriverSession,
	Instance,
	JournalEntry,
	QrPainter,
	SessionListener,
	WhatsAppDriver,
} from './ports.ts';

export interface HeldSessionsOptions {
	readonly driver: WhatsAppDriver;
	readonly painter: QrPainter;
	readonly clock: Clock;
	/** Where this instance connects: WhatsApp, or the simulated network. */
	readonly socketUrl: (instance: Instance) => string;
	readonly limits: SessionLimits;
	readonly on: SessionEvents;
	/** Runs `work` in the instance's turn. */
	readonly inTurn: (id: InstanceId, work: () => Promise<unknown>) => void;
}

export interface SessionLimits {
	readonly maxSessions: number;
	/** How long QR codes are shown to nobody before the instance gives up. */
	readonly pairingMs: number;
	/** Failed connections in a row after which an instance counts as failed. */
	readonly maxAttempts: number;
}

/** What sockets and timers tell, each in the instance's turn; the last three as it happens. */
export interface SessionEvents {
	qr(id: InstanceId, qr: QrCode): Promise<unknown>;
	linked(id: InstanceId, account: Account): Promise<unknown>;
	deadEnd(id: InstanceId, reason: 'passkey_required'): Promise<unknown>;
	opened(id: InstanceId, account: Account, session: DriverSession): Promise<unknown>;
	accountChanged(id: InstanceId, account: Account): Promise<unknown>;
	closed(id: InstanceId, code: number, hadQr: boolean): Promise<unknown>;
	retry(id: InstanceId): Promise<unknown>;
	stuck(id: InstanceId): Promise<unknown>;
	pairingTimedOut(id: InstanceId): Promise<unknown>;
	/** WhatsApp refused a message with this code. */
	refused(id: InstanceId, code: number): Promise<unknown>;
	ended(id: InstanceId): void;
	journaled(entries: readonly JournalEntry[]): void;
	acknowledged(id: InstanceId, waId: string, at: number, error?: string): void;
	receipt(id: InstanceId, waIds: readonly string[], status: 'delivered' | 'read', at: number): void;
}

export interface QrCode {
	readonly code: string;
	readonly expiresAt: number;
	readonly png: Uint8Array;
}

/** What this process holds of an instance that is running, or about to be. */
interface Held {
	session?: DriverSession | undefined;
	isConnected?: boolean;
	qr?: QrCode | undefined;
	/** When this connection showed its first QR code. */
	firstQrAt?: number | undefined;
	cancelRetry?: (() => void) | undefined;
	cancelStuck?: (() => void) | undefined;
	cancelPairing?: (() => void) | undefined;
}

/** From a connection attempt to a QR code, a login or a close; the driver gives up well before. */
const STUCK_MS = 60_000;

/** How long WhatsApp keeps offering codes on one connection: one minute and five times 20 s. */
const QR_CODES_LAST_MS = 160_000;

/**
 * The places of this process, at most so many, and what is in them: connections and their timers.
 * It decides nothing: what happens is told to the sessions, which feed it to the state machine.
 */
export class HeldSessions {
	readonly #options: HeldSessionsOptions;
	readonly #held = new Map<InstanceId, Held>();

	constructor(options: HeldSessionsOptions) {
		this.#options = options;
	}

	get counts(): { readonly open: number; readonly connected: number; readonly capacity: number } {
		const held = [...this.#held.values()];
		return {
			open: held.length,
			connected: held.filter(({ isConnected }) => isConnected).length,
			capacity: this.#options.limits.maxSessions,
		};
	}

	get ids(): readonly InstanceId[] {
		return [...this.#held.keys()];
	}

	has(id: InstanceId): boolean {
		return this.#held.has(id);
	}

	hasRoomFor(id: InstanceId): boolean {
		return this.#held.has(id) || this.#held.size < this.#options.limits.maxSessions;
	}

	/** To be called before anything is awaited: other instances start meanwhile. */
	takePlace(id: InstanceId): void {
		if (!this.hasRoomFor(id)) {
			throw new EngineError('worker_at_capacity', {
				sessions: this.#held.size,
				capacity: this.#options.limits.maxSessions,
			});
		}
		if (!this.#held.has(id)) this.#held.set(id, {});
	}

	qrOf(id: InstanceId): QrCode | undefined {
		return this.#held.get(id)?.qr;
	}

	/**
	 * A code to type into the phone with this number, instead of scanning. For an instance that shows
	 * a QR code; throws `pair_code_unavailable` otherwise.
	 */
	async pairCode(
		id: InstanceId,
		phoneNumber: string,
	): Promise<{ readonly code: string; readonly expiresAt: number }> {
		const held = this.#held.get(id);
		if (!held?.session || !held.qr || held.firstQrAt === undefined) {
			throw new EngineError('pair_code_unavailable');
		}
		const expiresAt = held.firstQrAt + QR_CODES_LAST_MS;
		try {
			return { code: await held.session.requestPairingCode(phoneNumber), expiresAt };
		} catch (cause) {
			throw new EngineError(
				'pair_code_unavailable',
				{ reason: 'refused' },
				{ cause, hint: 'WhatsApp refused. Check the phone number, or scan the QR code instead.' },
			);
		}
	}

	/** An instance holds its place from the start until a state that needs no session. */
	async follow(id: InstanceId, state: InstanceState, isNewState: boolean): Promise<void> {
		if (!isRunning(state)) return this.letGo(id);
		const held = this.#held.get(id) ?? {};
		this.#held.set(id, held);
		held.isConnected = state === 'connected';
		if (state !== 'qr') {
			held.qr = undefined;
			held.cancelPairing?.();
			held.cancelPairing = undefined;
		} else if (isNewState) {
			const { clock, limits, inTurn, on } = this.#options;
			held.cancelPairing = clock.after(limits.pairingMs, () =>
				inTurn(id, () => on.pairingTimedOut(id)),
			);
		}
	}

	retryAfter(id: InstanceId, ms: number): void {
		const held = this.#held.get(id);
		if (!held) return;
		const { clock, inTurn, on } = this.#options;
		held.cancelRetry?.();
		held.cancelRetry = clock.after(ms, () => {
			held.cancelRetry = undefined;
			inTurn(id, () => on.retry(id));
		});
	}

	async connect(instance: Instance): Promise<void> {
		const { driver, socketUrl, clock, inTurn, on } = this.#options;
		const { id, mode, proxyUrl } = instance;
		const held = this.#held.get(id);
		if (!held) return;
		await this.disconnect(id);
		const listener = this.#listener(id, held, () => session);
		const session: DriverSession = driver.open({
			instanceId: id,
			socketUrl: socketUrl(instance),
			proxyUrl,
			mode,
			listener,
		});
		held.session = session;
		held.cancelStuck = clock.after(STUCK_MS, () => inTurn(id, () => on.stuck(id)));
	}

	/** Ends the connection and keeps the place. */
	async disconnect(id: InstanceId): Promise<void> {
		const held = this.#held.get(id);
		if (!held) return;
		const { session } = held;
		held.session = undefined;
		held.qr = undefined;
		held.firstQrAt = undefined;
		held.cancelRetry?.();
		held.cancelRetry = undefined;
		answered(held);
		this.#options.on.ended(id);
		await session?.close();
	}

	async letGo(id: InstanceId): Promise<void> {
		this.#held.get(id)?.cancelPairing?.();
		await this.disconnect(id);
		this.#held.delete(id);
	}

	#listener(id: InstanceId, held: Held, session: () => DriverSession): SessionListener {
		const { painter, clock, on, inTurn } = this.#options;
		/** A socket that was given up may still speak. */
		const whileCurrent = (work: () => Promise<unknown>) => {
			inTurn(id, async () => {
				if (held.session === session() && this.#held.get(id) === held) await work();
			});
		};
		return {
			qr: (code, expiresAt) =>
				whileCurrent(async () => {
					answered(held);
					held.firstQrAt ??= clock.now();
					held.qr = { code, expiresAt, png: await painter.png(code) };
					await on.qr(id, held.qr);
				}),
			linked: (account) => whileCurrent(() => on.linked(id, account)),
			deadEnd: (reason) => whileCurrent(() => on.deadEnd(id, reason)),
			opened: (account) =>
				whileCurrent(async () => {
					answered(held);
					await on.opened(id, account, session());
				}),
			accountChanged: (account) => whileCurrent(() => on.accountChanged(id, account)),
			closed: (code) =>
				whileCurrent(async () => {
					const hadQr = held.firstQrAt !== undefined;
					await this.disconnect(id);
					await on.closed(id, code, hadQr);
				}),
			journaled: (entries) => on.journaled(entries),
			acknowledged: (waId, at, error) => {
				on.acknowledged(id, waId, at, error);
				if (error) whileCurrent(() => on.refused(id, Number(error)));
			},
			receipt: (waIds, status, at) => on.receipt(id, waIds, status, at),
		};
	}
}

function answered(held: Held): void {
	held.cancelStuck?.();
	held.cancelStuck = undefined;
}

export function pngUrl(png: Uint8Array): string {
	return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

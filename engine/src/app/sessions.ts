import { EngineError } from '../domain/errors.ts';
import type { HealAction, NewEvent } from '../domain/events.ts';
import type { InstanceId } from '../domain/ids.ts';
import { closeReason, permits, type InstanceInput, type InstanceWork } from '../domain/instance.ts';
import { restrictionMs } from '../domain/restriction.ts';
import { ChangeSignal } from './change-signal.ts';
import { Healer } from './healer.ts';
import {
	HeldSessions,
	pngUrl,
	type QrCode,
	type SessionEvents,
	type SessionLimits,
} from './held-sessions.ts';
import type { Inbound } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import type {
	Account,
	Appended,
	Clock,
	CronSchedule,
	IdSource,
	Instance,
	Log,
	QrPainter,
	Storage,
	WhatsAppDriver,
} from './ports.ts';
import { StartLimit } from './start-limit.ts';
import { StepRecorder, type Attached } from './step-recorder.ts';
import { Turns } from './turns.ts';

export interface SessionsOptions {
	readonly storage: Storage;
	readonly driver: WhatsAppDriver;
	readonly inbound: Inbound;
	readonly outbound: Outbound;
	readonly painter: QrPainter;
	readonly cron: CronSchedule;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
	readonly random: () => number;
	readonly socketUrl: (instance: Instance) => string;
	readonly limits: SessionLimits;
	/** Events were written, and these endpoints have something to receive. */
	readonly announce: (appended: Appended) => void;
}

/** At a start of the engine so many sessions connect at a time: a login costs CPU on both sides. */
const RESUME_AT_ONCE = 20;
const RESUME_PATIENCE_MS = 10_000;

/**
 * The live sessions of this process. Every input to an instance, from a caller, its socket or a
 * timer, passes through one queue per instance, so a state is read, advanced, stored and acted upon
 * before the next input is looked at.
 */
export class Sessions {
	readonly changes: ChangeSignal;
	readonly #options: SessionsOptions;
	readonly #recorder: StepRecorder;
	readonly #healer: Healer;
	readonly #startLimit: StartLimit;
	readonly #held: HeldSessions;
	readonly #turns: Turns;
	#stopping = false;

	constructor(options: SessionsOptions) {
		const { clock, cron } = options;
		this.#options = options;
		this.#recorder = new StepRecorder(options);
		this.#turns = new Turns(options.log);
		this.#startLimit = new StartLimit(clock);
		this.changes = new ChangeSignal(clock);
		this.#healer = new Healer({
			clock,
			cron,
			heal: (id) => this.#turns.takeDetached(id, () => this.#heal(id, 'restart')),
			restartOnSchedule: (id) =>
				this.#turns.takeDetached(id, () => this.#heal(id, 'scheduled_restart')),
		});
		this.#held = new HeldSessions({
			...options,
			on: this.#events(),
			inTurn: (id, work) => this.#turns.takeDetached(id, work),
		});
	}

	get counts(): HeldSessions['counts'] {
		return this.#held.counts;
	}

	/**
	 * Brings back what ran when the last run ended, however and whenever that was, and goes on healing.
	 */
	async resume(lastAliveAt?: number): Promise<void> {
		const { storage, log } = this.#options;
		for (const instance of await storage.instances.listByState(['failed'])) {
			this.#healer.watch(instance, true);
		}
		const left = await storage.instances.listByState([
			'starting',
			'qr',
			'connected',
			'reconnecting',
		]);
		const queue = left.values();
		const bringBack = async () => {
			for (const { id } of queue) {
				await this.#resume(id, lastAliveAt).catch((error: unknown) => {
					log.error({ instance_id: id, error: String(error) }, 'a session did not come back');
				});
			}
		};
		await Promise.all(Array.from({ length: RESUME_AT_ONCE }, bringBack));
	}

	async start(id: InstanceId): Promise<void> {
		await this.#turns.take(id, async () => {
			this.refuseWhenStopping();
			if (this.#held.has(id)) return;
			this.#startLimit.take(id);
			this.#held.takePlace(id);
			await this.#apply(id, { type: 'start' }, { audit: { action: 'instance.started' } });
		});
	}

	async stop(id: InstanceId): Promise<void> {
		await this.#turns.take(id, () =>
			this.#apply(id, { type: 'stop' }, { audit: { action: 'instance.stopped' } }),
		);
	}

	async restart(id: InstanceId): Promise<void> {
		await this.#turns.take(id, async () => {
			this.refuseWhenStopping();
			await this.#refuseUnless(id, 'restart', RESTART_HINT);
			this.#startLimit.take(id);
			this.#held.takePlace(id);
			await this.#apply(id, { type: 'restart' }, { audit: { action: 'instance.restarted' } });
		});
	}

	/** Answers whether it is certain that the phone no longer lists the instance. */
	async logout(id: InstanceId): Promise<boolean> {
		return this.#turns.take(id, async () => {
			const status = (await this.#options.storage.instances.findAny(id))?.status;
			if (status?.state === 'logged_out') return status.reason === 'logged_out';
			await this.#refuseUnless(id, 'logout', LOGOUT_HINT);
			const attached = { audit: { action: 'instance.logged_out' } };
			return (await this.#apply(id, { type: 'logout' }, attached)) ?? false;
		});
	}

	/** See `HeldSessions.pairCode`. */
	pairCode(id: InstanceId, phoneNumber: string): ReturnType<HeldSessions['pairCode']> {
		return this.#held.pairCode(id, phoneNumber);
	}

	/** Ends the session, forgets the link and then runs `remove`, with no input in between. */
	remove(id: InstanceId, remove: () => Promise<void>): Promise<void> {
		return this.#turns.take(id, async () => {
			this.#healer.forget(id);
			this.#startLimit.forget(id);
			await this.#held.letGo(id);
			await this.#options.driver.forget(id);
			await remove();
			this.changes.tell(id);
		});
	}

	/** The instance's settings changed; its timers follow. */
	reconsider(instance: Instance): void {
		this.#healer.watch(instance, true);
	}

	qrOf(id: InstanceId): QrCode | undefined {
		return this.#held.qrOf(id);
	}

	get isStopping(): boolean {
		return this.#stopping;
	}

	refuseWhenStopping(): void {
		if (this.#stopping) throw new EngineError('shutting_down');
	}

	/** Closes every connection and leaves the stored states as they are, for the next start. */
	async close(): Promise<void> {
		this.#stopping = true;
		this.#healer.stop();
		this.changes.tellAll();
		const { ids } = this.#held;
		await Promise.all(ids.map((id) => this.#turns.take(id, () => this.#held.letGo(id))));
	}

	async #resume(id: InstanceId, happenedAt: number | undefined): Promise<void> {
		const { storage, driver, log } = this.#options;
		if (this.#stopping) return;
		const hasRoom = this.#held.hasRoomFor(id);
		if (hasRoom) this.#held.takePlace(id);
		else log.warn({ instance_id: id, ...this.counts }, 'no room to bring this session back');
		const canConnect = hasRoom && (await driver.isPaired(id));
		let since = this.changes.count;
		await this.#turns.take(id, () =>
			this.#apply(
				id,
				{ type: 'resume', canConnect },
				happenedAt === undefined ? {} : { happenedAt },
			),
		);
		const until = this.#options.clock.now() + RESUME_PATIENCE_MS;
		for (;;) {
			const instance = await storage.instances.findAny(id);
			const leftMs = until - this.#options.clock.now();
			if (instance?.status.state !== 'reconnecting' || leftMs <= 0 || this.isStopping) return;
			await this.changes.next(id, since, leftMs);
			since = this.changes.count;
		}
	}

	async #refuseUnless(id: InstanceId, request: 'restart' | 'logout', hint: string): Promise<void> {
		const instance = await this.#options.storage.instances.findAny(id);
		if (!instance) throw new EngineError('instance_not_found');
		const { state, reason } = instance.status;
		if (!permits(state, request)) {
			throw new EngineError('invalid_transition', { state, reason, request }, { hint });
		}
	}

	/** Answers what the work came to: whether an unlinking was confirmed, if one was called for. */
	async #apply(
		id: InstanceId,
		input: InstanceInput,
		attached: Attached = {},
	): Promise<boolean | undefined> {
		const step = await this.#recorder.record(id, input, attached);
		if (!step) {
			await this.#held.letGo(id);
			return undefined;
		}
		const { before, after, status, work } = step;
		this.#options.announce(step.appended);
		const isNewState = before.status.state !== status.state;
		await this.#held.follow(id, status.state, isNewState);
		let confirmed: boolean | undefined;
		for (const item of work) confirmed = (await this.#do(after, item)) ?? confirmed;
		if (isNewState) {
			const { state, reason } = status;
			this.#options.log.info({ instance_id: id, state, reason }, 'instance changed its state');
		}
		await this.#watchHealing(after, isNewState);
		this.changes.tell(id);
		return confirmed;
	}

	async #watchHealing(instance: Instance, isNewState: boolean): Promise<void> {
		if (this.#stopping) return;
		const event = this.#healer.watch(instance, isNewState);
		if (event) await this.#tell(instance.id, [event]);
	}

	async #tell(id: InstanceId, events: readonly NewEvent[]): Promise<void> {
		const { storage, clock, announce } = this.#options;
		const appended = await storage.transaction((stores) =>
			stores.events.append(id, events, clock.now()),
		);
		announce(appended);
	}

	async #heal(id: InstanceId, action: HealAction): Promise<void> {
		const instance = await this.#options.storage.instances.findAny(id);
		if (!instance || this.#stopping) return;
		if (!this.#healer.isDue(instance, action)) return;
		if (!this.#held.hasRoomFor(id)) {
			// It is looked at again after the wait that a first healing has.
			this.#healer.watch(instance, true);
			return;
		}
		const { input, attached } = this.#healer.act(instance, action);
		await this.#apply(id, input, attached);
	}

	async #do(instance: Instance, work: InstanceWork): Promise<boolean | undefined> {
		const { id } = instance;
		switch (work.type) {
			case 'connect':
				if (!this.#stopping) await this.#held.connect(instance);
				return undefined;
			case 'disconnect':
				await this.#held.disconnect(id);
				return undefined;
			case 'forget_keys':
				await this.#options.driver.forget(id);
				return undefined;
			case 'unlink': {
				await this.#held.letGo(id);
				const { driver, socketUrl } = this.#options;
				return driver.unlink({
					instanceId: id,
					socketUrl: socketUrl(instance),
					proxyUrl: instance.proxyUrl,
					mode: instance.mode,
				});
			}
			case 'wait':
				if (!this.#stopping) this.#held.retryAfter(id, work.ms);
				return undefined;
		}
	}

	#events(): SessionEvents {
		const { storage, inbound, outbound, clock, random, limits } = this.#options;
		return {
			qr: (id, qr) => this.#apply(id, { type: 'qr' }, { events: [qrEvent(qr, clock.now())] }),
			linked: (id, account) => this.#refuseOtherPhones(id, account),
			deadEnd: (id, reason) => this.#refuseLink(id, reason),
			opened: async (id, account, session) => {
				const change = { account, lastSeenAt: clock.now() };
				await this.#apply(id, { type: 'opened' }, { change, account });
				const instance = await storage.instances.findAny(id);
				await outbound.connected(id, session, instance?.restrictedUntil ?? null);
			},
			accountChanged: (id, account) => storage.instances.change(id, { account }, clock.now()),
			closed: async (id, code, hadQr) => {
				await this.#restrict(id, code);
				const { maxAttempts } = limits;
				const input = { type: 'closed', code, random: random(), hadQr, maxAttempts } as const;
				await this.#apply(id, input, { change: { lastSeenAt: clock.now() } });
			},
			retry: (id) => this.#apply(id, { type: 'retry' }),
			stuck: (id) => this.#heal(id, 'stuck_restart'),
			pairingTimedOut: (id) => this.#apply(id, { type: 'pairing_timeout' }),
			refused: (id, code) => this.#restrict(id, code),
			ended: (id) => outbound.disconnected(id),
			journaled: (entries) => inbound.accept(entries),
			acknowledged: (...told) => outbound.acknowledged(...told),
			receipt: (...told) => outbound.receipt(...told),
		};
	}

	/** Before the first login, and so before any message: the wrong phone's are none of ours. */
	async #refuseOtherPhones(id: InstanceId, account: Account): Promise<void> {
		const instance = await this.#options.storage.instances.findAny(id);
		const expected = instance?.expectedPhoneNumber ?? null;
		if (expected === null || expected === account.phoneNumber) return;
		await this.#refuseLink(id, 'identity_mismatch');
	}

	#refuseLink(id: InstanceId, reason: 'identity_mismatch' | 'passkey_required'): Promise<unknown> {
		const audit = { action: 'instance.link_refused', details: { reason } };
		return this.#apply(id, { type: 'refuse_link', reason }, { audit });
	}

	/** WhatsApp throttles the account: the instance stays connected, and its messages wait. */
	async #restrict(id: InstanceId, code: number): Promise<void> {
		const forMs = restrictionMs(code);
		if (forMs === undefined) return;
		const { storage, clock, outbound, announce } = this.#options;
		const now = clock.now();
		const until = now + forMs;
		const appended = await storage.transaction(async (stores) => {
			if (!(await stores.instances.change(id, { restrictedUntil: until }, now))) return [];
			const data = {
				reason: code === 429 ? 'rate_limited' : closeReason(code),
				restricted_until: new Date(until).toISOString(),
			};
			const event: NewEvent = { event: 'instance.restricted', occurredAt: now, data };
			return stores.events.append(id, [event], now);
		});
		outbound.restrict(id, until);
		announce(appended);
		this.changes.tell(id);
	}
}

const RESTART_HINT =
	'Only an instance that runs or has failed can be restarted. Start it, or get its QR code.';

const LOGOUT_HINT = 'No phone is linked to the instance, so there is nothing to unlink.';

function qrEvent({ code, expiresAt, png }: QrCode, at: number): NewEvent {
	return {
		event: 'qr.updated',
		occurredAt: at,
		data: { qr: pngUrl(png), code, expires_at: new Date(expiresAt).toISOString() },
	};
}

import { EngineError } from '../domain/errors.ts';
import type { NewEvent } from '../domain/events.ts';
import type { InstanceId } from '../domain/ids.ts';
import { advance, isRunning, type InstanceInput, type InstanceWork } from '../domain/instance.ts';
import { transitionEvents } from './instance-events.ts';
import type { Inbound } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import type {
	Account,
	Clock,
	DriverSession,
	Instance,
	InstanceChange,
	Log,
	QrPainter,
	SessionListener,
	Storage,
	WhatsAppDriver,
} from './ports.ts';

export interface SessionsOptions {
	readonly storage: Storage;
	readonly driver: WhatsAppDriver;
	readonly inbound: Inbound;
	readonly outbound: Outbound;
	readonly painter: QrPainter;
	readonly clock: Clock;
	readonly log: Log;
	readonly random: () => number;
	/** Where this instance connects: WhatsApp, or the simulated network. */
	readonly socketUrl: (instance: Instance) => string;
	readonly maxSessions: number;
	/** There are deliveries to send. */
	readonly wake: () => void;
}

export interface QrCode {
	readonly code: string;
	readonly expiresAt: number;
	readonly png: Uint8Array;
}

/** What this process holds of an instance that is running, or about to be. */
interface Held {
	session?: DriverSession | undefined;
	qr?: QrCode | undefined;
	cancelRetry?: (() => void) | undefined;
}

/**
 * The live sessions of this process. Every input to an instance, from a caller, its socket or a
 * timer, passes through one queue per instance, so a state is read, advanced, stored and acted upon
 * before the next input is looked at. A new state and the events that tell of it are one commit.
 */
export class Sessions {
	readonly #options: SessionsOptions;
	readonly #held = new Map<InstanceId, Held>();
	readonly #queues = new Map<InstanceId, Promise<unknown>>();
	readonly #watchers = new Map<InstanceId, Set<() => void>>();
	#changes = 0;
	#stopping = false;

	constructor(options: SessionsOptions) {
		this.#options = options;
	}

	get counts(): { readonly open: number; readonly connected: number; readonly capacity: number } {
		const held = [...this.#held.values()];
		return {
			open: held.length,
			connected: held.filter(({ session, qr }) => session && !qr).length,
			capacity: this.#options.maxSessions,
		};
	}

	/** Brings back what ran when the last run ended, however it ended. */
	async resume(): Promise<void> {
		const { storage, driver, log, maxSessions } = this.#options;
		const left = await storage.instances.listByState([
			'starting',
			'qr',
			'connected',
			'reconnecting',
		]);
		for (const { id } of left) {
			const hasRoom = this.#held.size < maxSessions;
			if (!hasRoom) {
				log.warn({ instance_id: id, capacity: maxSessions }, 'no room to bring this session back');
			}
			const canConnect = hasRoom && (await driver.isPaired(id));
			await this.#input(id, { type: 'resume', canConnect });
		}
	}

	start(id: InstanceId): Promise<void> {
		return this.#enqueue(id, async () => {
			const { maxSessions } = this.#options;
			this.refuseWhenStopping();
			if (!this.#held.has(id) && this.#held.size >= maxSessions) {
				throw new EngineError('worker_at_capacity', {
					sessions: this.#held.size,
					capacity: maxSessions,
				});
			}
			// The place is taken before anything is awaited: other instances start meanwhile.
			if (!this.#held.has(id)) this.#held.set(id, {});
			await this.#apply(id, { type: 'start' });
		});
	}

	stop(id: InstanceId): Promise<void> {
		return this.#input(id, { type: 'stop' });
	}

	/** Ends the session, forgets the link and then runs `remove`, with no input in between. */
	remove(id: InstanceId, remove: () => Promise<void>): Promise<void> {
		return this.#enqueue(id, async () => {
			await this.#letGo(id);
			await this.#options.driver.forget(id);
			await remove();
		});
	}

	qrOf(id: InstanceId): QrCode | undefined {
		return this.#held.get(id)?.qr;
	}

	/** Counts the changes of all instances; read it before the state that `changed` is to follow. */
	get changes(): number {
		return this.#changes;
	}

	/**
	 * Resolves at the next change of the instance, or after `ms`; at once when there was a change
	 * (of any instance) after `since`, which the caller may have missed.
	 */
	async changed(id: InstanceId, since: number, ms: number): Promise<void> {
		if (this.#changes !== since) return;
		const watchers = this.#watchers.get(id) ?? new Set();
		this.#watchers.set(id, watchers);
		await new Promise<void>((resolve) => {
			const cancel = this.#options.clock.after(ms, done);
			watchers.add(done);
			function done() {
				cancel();
				watchers.delete(done);
				resolve();
			}
		});
		if (watchers.size === 0) this.#watchers.delete(id);
	}

	refuseWhenStopping(): void {
		if (this.#stopping) throw new EngineError('shutting_down');
	}

	/** Closes every connection and leaves the stored states as they are, for the next start. */
	async close(): Promise<void> {
		this.#stopping = true;
		for (const id of this.#watchers.keys()) this.#tellWatchers(id);
		await Promise.all([...this.#held.keys()].map((id) => this.#enqueue(id, () => this.#letGo(id))));
	}

	#input(id: InstanceId, input: InstanceInput): Promise<void> {
		return this.#enqueue(id, () => this.#apply(id, input));
	}

	/** Runs `work` after everything that was enqueued for the instance before it. */
	#enqueue<T>(id: InstanceId, work: () => Promise<T>): Promise<T> {
		const run = (this.#queues.get(id) ?? Promise.resolve()).then(work, work);
		this.#queues.set(id, run);
		const forget = () => {
			if (this.#queues.get(id) === run) this.#queues.delete(id);
		};
		run.then(forget, forget);
		return run;
	}

	async #apply(
		id: InstanceId,
		input: InstanceInput,
		also: {
			readonly change?: InstanceChange;
			readonly events?: readonly NewEvent[];
			readonly account?: Account;
		} = {},
	): Promise<void> {
		const { storage, clock } = this.#options;
		const now = clock.now();
		const outcome = await storage.transaction(async (stores) => {
			const instance = await stores.instances.findAny(id);
			if (!instance) return undefined;
			const { status, work } = advance(instance.status, input);
			const isNew = status.state !== instance.status.state;
			await stores.instances.change(
				id,
				{ ...also.change, status, ...(isNew ? { statusSince: now } : {}) },
				now,
			);
			const events = [
				...transitionEvents(instance.status, status, {
					at: now,
					closeCode: input.type === 'closed' ? input.code : null,
					account: also.account ?? instance.account,
				}),
				...(also.events ?? []),
			];
			const appended = await stores.events.append(id, events, now);
			return { work, status, wasState: instance.status.state, ...appended };
		});
		if (!outcome) return;
		if (outcome.deliveries > 0) this.#options.wake();
		if (outcome.status.state !== 'qr') this.#forgetQr(id);
		await this.#leaveOrStay(id, isRunning(outcome.status.state));
		for (const item of outcome.work) await this.#do(id, item);
		if (outcome.wasState !== outcome.status.state) {
			this.#options.log.info(
				{ instance_id: id, state: outcome.status.state, reason: outcome.status.reason },
				'instance changed its state',
			);
		}
		this.#tellWatchers(id);
	}

	/** An instance holds its place from the start until a state that needs no session. */
	async #leaveOrStay(id: InstanceId, running: boolean): Promise<void> {
		if (!running) await this.#letGo(id);
		else if (!this.#held.has(id)) this.#held.set(id, {});
	}

	async #do(id: InstanceId, work: InstanceWork): Promise<void> {
		switch (work.type) {
			case 'connect':
				return this.#connect(id);
			case 'disconnect':
				return this.#letGo(id);
			case 'forget_keys':
				await this.#options.driver.forget(id);
				await this.#options.storage.instances.change(
					id,
					{ account: null },
					this.#options.clock.now(),
				);
				return;
			case 'wait': {
				const held = this.#held.get(id);
				held?.cancelRetry?.();
				if (!held || this.#stopping) return;
				held.cancelRetry = this.#options.clock.after(work.ms, () => {
					held.cancelRetry = undefined;
					this.#detached(id, { type: 'retry' });
				});
			}
		}
	}

	async #connect(id: InstanceId): Promise<void> {
		const { storage, driver, socketUrl } = this.#options;
		const instance = await storage.instances.findAny(id);
		const held = this.#held.get(id);
		if (!instance || !held || this.#stopping) return;
		held.cancelRetry?.();
		held.cancelRetry = undefined;
		await held.session?.close();
		const listener = this.#listener(id, held, () => session);
		const session: DriverSession = driver.open({
			instanceId: id,
			socketUrl: socketUrl(instance),
			listener,
		});
		held.session = session;
	}

	#listener(id: InstanceId, held: Held, session: () => DriverSession): SessionListener {
		const { inbound, outbound, painter, clock, random } = this.#options;
		/** A socket that was given up may still speak. */
		const whileCurrent = (work: () => Promise<void>) => {
			this.#enqueue(id, async () => {
				if (held.session === session() && this.#held.get(id) === held) await work();
			}).catch((error: unknown) => this.#failed(id, error));
		};
		return {
			qr: (code, expiresAt) =>
				whileCurrent(async () => {
					const png = await painter.png(code);
					held.qr = { code, expiresAt, png };
					await this.#apply(id, { type: 'qr' }, { events: [qrEvent(held.qr, clock.now())] });
				}),
			opened: (account) =>
				whileCurrent(async () => {
					await this.#apply(
						id,
						{ type: 'opened' },
						{ change: { account, lastSeenAt: clock.now() }, account },
					);
					await outbound.connected(id, session());
				}),
			accountChanged: (account) =>
				whileCurrent(async () => {
					await this.#options.storage.instances.change(id, { account }, clock.now());
				}),
			closed: (code) =>
				whileCurrent(async () => {
					held.session = undefined;
					outbound.disconnected(id);
					await this.#apply(
						id,
						{ type: 'closed', code, random: random() },
						{ change: { lastSeenAt: clock.now() } },
					);
				}),
			journaled: (entries) => inbound.accept(entries),
			acknowledged: (waId, at, error) => outbound.acknowledged(id, waId, at, error),
			receipt: (waIds, status, at) => outbound.receipt(id, waIds, status, at),
		};
	}

	#forgetQr(id: InstanceId): void {
		const held = this.#held.get(id);
		if (held) held.qr = undefined;
	}

	async #letGo(id: InstanceId): Promise<void> {
		const held = this.#held.get(id);
		if (!held) return;
		this.#held.delete(id);
		held.cancelRetry?.();
		this.#options.outbound.disconnected(id);
		await held.session?.close();
	}

	#detached(id: InstanceId, input: InstanceInput): void {
		this.#input(id, input).catch((error: unknown) => this.#failed(id, error));
	}

	#failed(id: InstanceId, error: unknown): void {
		this.#options.log.error({ instance_id: id, error: String(error) }, 'a session input failed');
	}

	#tellWatchers(id: InstanceId): void {
		this.#changes++;
		for (const watcher of [...(this.#watchers.get(id) ?? [])]) watcher();
	}
}

function qrEvent({ code, expiresAt, png }: QrCode, at: number): NewEvent {
	return {
		event: 'qr.updated',
		occurredAt: at,
		data: { qr: pngUrl(png), code, expires_at: new Date(expiresAt).toISOString() },
	};
}

export function pngUrl(png: Uint8Array): string {
	return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

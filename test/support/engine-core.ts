import { AttentionSweeper } from '../../engine/src/app/attention.ts';
import { Authentication } from '../../engine/src/app/authentication.ts';
import { Groups } from '../../engine/src/app/groups.ts';
import { Inbound } from '../../engine/src/app/inbound.ts';
import { Instances } from '../../engine/src/app/instances.ts';
import { Outbound } from '../../engine/src/app/outbound.ts';
import type { SessionLimits } from '../../engine/src/app/held-sessions.ts';
import type { Clock, Delivery, Instance } from '../../engine/src/app/ports.ts';
import { Sessions } from '../../engine/src/app/sessions.ts';
import { TestPhones } from '../../engine/src/app/test-phones.ts';
import { CronerSchedule } from '../../engine/src/coordination/cron-schedule.ts';
import type { InstanceId } from '../../engine/src/domain/ids.ts';
import { BaileysDriver } from '../../engine/src/drivers/baileys/baileys-driver.ts';
import type { SessionTiming } from '../../engine/src/drivers/baileys/baileys-session.ts';
import { WebVersion } from '../../engine/src/drivers/baileys/web-version.ts';
import { PngQrPainter } from '../../engine/src/drivers/qr-painter.ts';
import { NetworkPhones } from '../../engine/src/sandbox/simulated-phones.ts';
import { SimulatedNetwork } from '../../engine/src/sandbox/simulated-network.ts';
import { TestEngineStore } from './engine-store.ts';
import { eventually, ids, silentLog, systemClock } from './system.ts';

export interface CoreOptions {
	readonly maxSessions?: number;
	readonly clock?: Clock;
	readonly limits?: Partial<SessionLimits>;
	readonly timing?: SessionTiming;
}

export interface Restart {
	readonly lastAliveAt?: number;
	/** Whether to wait until the sessions are back. */
	readonly isAwaited?: boolean;
}

/**
 * The use cases over the real driver, the real database and the simulated network, without HTTP
 * and without sending: deliveries pile up, for a test to look at.
 */
export class EngineCore {
	readonly store: TestEngineStore;
	readonly network: SimulatedNetwork;
	readonly sessions: Sessions;
	readonly instances: Instances;
	readonly outbound: Outbound;
	readonly groups: Groups;
	readonly phones: TestPhones;
	readonly authentication: Authentication;
	readonly attention: AttentionSweeper;
	readonly #inbound: Inbound;
	readonly #options: CoreOptions;

	static async start(options: CoreOptions = {}): Promise<EngineCore> {
		const store = await TestEngineStore.open();
		await store.addEndpoint({ url: 'http://127.0.0.1:9/hook', secret: 'whsec_c2VjcmV0' });
		const network = new SimulatedNetwork({ receiptDelayMs: 20 });
		await network.start();
		return new EngineCore(store, network, options);
	}

	constructor(
		store: TestEngineStore,
		network: SimulatedNetwork,
		{ maxSessions = 50, clock = systemClock, limits = {}, timing }: CoreOptions = {},
	) {
		this.#options = { maxSessions, clock, limits, ...(timing ? { timing } : {}) };
		this.store = store;
		this.network = network;
		const { storage } = store;
		const common = { storage, ids, clock, log: silentLog, announce: () => undefined };
		const cron = new CronerSchedule();
		const driver = new BaileysDriver({
			authState: storage.authState,
			messages: storage.messages,
			clock: systemClock,
			log: silentLog,
			version: new WebVersion({ clock: systemClock, log: silentLog, pinned: undefined }),
			...(timing ? { timing } : {}),
		});
		this.#inbound = new Inbound({ ...common, driver });
		this.outbound = new Outbound({ ...common, driver });
		this.sessions = new Sessions({
			...common,
			driver,
			inbound: this.#inbound,
			outbound: this.outbound,
			painter: new PngQrPainter(),
			random: Math.random,
			socketUrl: ({ id }) => network.urlFor(id),
			cron,
			limits: { maxSessions, pairingMs: 300_000, maxAttempts: 10, ...limits },
		});
		this.attention = new AttentionSweeper(common);
		this.instances = new Instances({
			instances: storage.instances,
			sessions: this.sessions,
			cron,
			proxies: { check: async () => ({ ok: true }) },
			ids,
			clock,
		});
		this.groups = new Groups({ instances: storage.instances, outbound: this.outbound, clock });
		this.phones = new TestPhones(new NetworkPhones(network), this.instances);
		this.authentication = new Authentication({
			...storage,
			ids,
			clock: systemClock,
			log: silentLog,
			pepper: 'p'.repeat(32),
		});
	}

	/** The same database and network under a new engine, as after a restart. */
	async restarted({ lastAliveAt, isAwaited = true }: Restart = {}): Promise<EngineCore> {
		await this.sessions.close();
		await this.#inbound.idle();
		const next = new EngineCore(this.store, this.network, this.#options);
		const resumed = next.sessions.resume(lastAliveAt);
		if (isAwaited) await resumed;
		return next;
	}

	async create(): Promise<InstanceId> {
		return (await this.instances.create(this.store.scope, { name: 'shop' })).id;
	}

	async connect(): Promise<InstanceId> {
		const id = await this.create();
		await this.phones.scan(this.store.scope, id, {});
		await this.inState(id, 'connected');
		return id;
	}

	get(id: InstanceId): Promise<Instance> {
		return this.instances.get(this.store.scope, id);
	}

	async inState(id: InstanceId, state: Instance['status']['state']): Promise<Instance> {
		return eventually(
			async () => {
				const instance = await this.get(id);
				return instance.status.state === state ? instance : undefined;
			},
			{ what: `state ${state}` },
		);
	}

	/** The events so far, oldest first, as their receivers would see them. */
	async events(): Promise<{ event: string; sequence: number; data: Record<string, unknown> }[]> {
		const deliveries = await this.store.deliveries();
		return deliveries
			.map(({ payload }: Delivery) => JSON.parse(payload!) as never)
			.sort((a: { sequence: number }, b: { sequence: number }) => a.sequence - b.sequence);
	}

	/** Without those that come with every change of state. */
	async eventNames(): Promise<string[]> {
		const always = ['session.status', 'instance.needs_attention'];
		return (await this.events()).map(({ event }) => event).filter((name) => !always.includes(name));
	}

	async eventsNamed(name: string): Promise<Record<string, unknown>[]> {
		return (await this.events()).filter(({ event }) => event === name).map(({ data }) => data);
	}

	async stop(): Promise<void> {
		await this.sessions.close();
		await this.#inbound.idle();
		await this.network.stop();
		await this.store.close();
	}
}

import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE_MS } from '../../engine/src/app/delivery-turns.ts';
import { Dispatcher } from '../../engine/src/app/dispatcher.ts';
import type {
	Claimed,
	DeliveryQueue,
	Storage,
	Turn,
	WebhookRequest,
	WebhookResult,
} from '../../engine/src/app/ports.ts';
import { isTooOld } from '../../engine/src/domain/dropping.ts';
import type { EndpointId, InstanceId } from '../../engine/src/domain/ids.ts';
import type { Scope } from '../../engine/src/domain/scope.ts';
import type { DialectName } from '../../engine/src/storage/schema.ts';
import { Chance } from './chaos-chance.ts';
import { ManualClock } from './manual-clock.ts';
import { keyOf, short, StormLedger, type Place, type StormEndpoint } from './storm-ledger.ts';
import { ids, silentLog } from './system.ts';

/** How a receiver answers for a while. */
const WEATHERS = ['good', 'good', 'bad', 'mixed', 'hanging'] as const;
type Weather = (typeof WEATHERS)[number];

const CHATS = ['a', 'b', 'c'] as const;
const REQUEST_MS = 15_000;
/** So short that what the database is given a moment for never takes as long as a lease. */
const STEP_MS = 2_000;
/** The last wait of the schedule is two hours. */
const LONGEST_MS = 4 * 60 * 60_000;
const ANSWER = { latencyMs: 1, responseText: '', address: null, retryAfterMs: undefined } as const;
const TIMED_OUT: WebhookResult = {
	outcome: 'failed',
	reason: 'timeout',
	message: 'The receiver did not answer in time.',
	latencyMs: REQUEST_MS,
	address: null,
};
const NEVER = new Promise<never>(() => undefined);

export interface StormOptions {
	readonly storage: Storage;
	readonly dialect: DialectName;
	readonly scope: Scope;
	readonly instanceId: InstanceId;
	readonly endpoints: readonly StormEndpoint[];
	readonly seed: number;
}

interface Request {
	readonly endpoint: EndpointId;
	readonly at: number;
	readonly end: (result: WebhookResult) => void;
}

/** A dispatcher until it is killed. What it is about to do then, it does not do. */
interface Life {
	dispatcher?: Dispatcher;
	isOver: boolean;
	readonly requests: Set<Request>;
	/** Since when a turn has been under way. */
	turningSince: number | undefined;
}

/**
 * A dispatcher on a real database among receivers whose mood changes. It is killed and started anew,
 * its database is slow and fails, endpoints are switched and deliveries sent again, as chance wants
 * it, and minutes pass at once. The ledger notes what should not have happened.
 */
export class DeliveryStorm {
	readonly #options: StormOptions;
	readonly #chance: Chance;
	readonly #clock = new ManualClock({ stands: true });
	readonly #begunAt = this.#clock.now();
	readonly #weather = new Map<EndpointId, Weather>();
	readonly #disabled = new Set<EndpointId>();
	readonly #endpoints: readonly EndpointId[];
	readonly #ledger: StormLedger;
	#life!: Life;
	/** What happened, in order, for people to read. */
	readonly log: string[] = [];

	constructor(options: StormOptions) {
		this.#options = options;
		this.#chance = new Chance(options.seed);
		this.#ledger = new StormLedger(options.endpoints);
		this.#endpoints = options.endpoints.map(({ id }) => id);
		for (const endpoint of this.#endpoints) this.#weather.set(endpoint, 'good');
	}

	get faults(): readonly string[] {
		return this.#ledger.faults;
	}

	async rage(steps: number): Promise<void> {
		await this.#begin();
		for (let n = 0; n < steps; n++) {
			await this.#something();
			await sleep(this.#chance.between(0, 4));
		}
	}

	/** All receivers answer again, until all is delivered. */
	async clearUp(): Promise<void> {
		for (const endpoint of [...this.#disabled]) await this.#switch(endpoint);
		for (const endpoint of this.#endpoints) this.#weather.set(endpoint, 'good');
		this.#note('clears up');
		for (const request of this.#life.requests) this.#answer(request);
		const until = this.#clock.now() + LONGEST_MS;
		while ((await this.#isUnsettled()) && this.#clock.now() < until) {
			await this.#pass(this.#life.requests.size > 0 ? 100 : STEP_MS);
		}
		await this.#stop();
		this.#ledger.close(await this.#dropped());
	}

	// ------------------------------------------------------------ what happens

	async #something(): Promise<void> {
		const dice = this.#chance.between(1, 100);
		if (dice <= 33) return this.#append();
		if (dice <= 48) return this.#pass(this.#chance.between(1, 30));
		if (dice <= 62) return this.#pass(this.#chance.between(100, 3_000));
		if (dice <= 70) return this.#pass(this.#chance.between(5_000, 90_000));
		if (dice <= 80) return this.#changeWeather();
		if (dice <= 85) return this.#kill();
		if (dice <= 88) return this.#restart();
		if (dice <= 91) return this.#switch(this.#chance.pick(this.#endpoints));
		if (dice <= 96) return this.#redeliver();
		for (const request of this.#life.requests) this.#answer(request);
	}

	async #append(): Promise<void> {
		const { storage, instanceId } = this.#options;
		const before = this.#ledger.count;
		const places = Array.from({ length: this.#chance.between(1, 6) }, (_, index) => ({
			chat: this.#chance.pick(CHATS),
			sequence: before + index + 1,
		}));
		const now = this.#clock.now();
		this.#ledger.appended(places, now);
		// Nothing that happens meanwhile is kept for an endpoint that is disabled.
		for (const endpoint of this.#disabled) {
			for (const place of places) this.#ledger.accepted(endpoint, place);
		}
		this.#note(`appends ${places.map(({ chat, sequence }) => chat + sequence).join(' ')}`);
		const events = places.map(({ chat }) => ({
			event: 'qr.updated' as const,
			occurredAt: now,
			data: { qr: 'data:,', code: chat, expires_at: '' },
			chat,
		}));
		const appended = await storage.transaction((stores) =>
			stores.events.append(instanceId, events, now),
		);
		// As if another process had written it, now and then.
		if (this.#chance.next() < 0.9) this.#life.dispatcher!.wake(appended);
	}

	#changeWeather(): void {
		const endpoint = this.#chance.pick(this.#endpoints);
		const weather = this.#chance.pick(WEATHERS);
		this.#weather.set(endpoint, weather);
		this.#note(`${short(endpoint)} is ${weather}`);
	}

	async #switch(endpoint: EndpointId): Promise<void> {
		const { deliveries, endpoints } = this.#options.storage;
		const now = this.#clock.now();
		const wasDisabled = this.#disabled.delete(endpoint);
		if (!wasDisabled) this.#disabled.add(endpoint);
		this.#note(`${short(endpoint)} is ${wasDisabled ? 'enabled' : 'disabled'}`);
		if (wasDisabled) {
			await endpoints.enable(endpoint, now);
			await deliveries.bringForward(endpoint, now);
		} else await endpoints.disable(endpoint, 'by_user', now);
		this.#life.dispatcher!.reset(endpoint);
		this.#ledger.forgetPace(endpoint);
	}

	async #redeliver(): Promise<void> {
		const { storage, scope } = this.#options;
		const { deliveries } = await storage.deliveries.list(scope, {}, { limit: 50 });
		if (deliveries.length === 0) return;
		const { id, endpointId, payload } = this.#chance.pick(deliveries);
		const place = placeOf(payload!);
		this.#note(`redelivers ${keyOf(endpointId, place)}`);
		this.#ledger.redelivered(endpointId, place);
		await storage.deliveries.redeliver([id], this.#clock.now());
		this.#life.dispatcher!.wake([endpointId]);
	}

	async #kill(): Promise<void> {
		this.#note('kills');
		this.#life.isOver = true;
		await sleep(this.#chance.between(0, 5));
		await this.#begin();
	}

	async #restart(): Promise<void> {
		this.#note('restarts');
		await this.#stop();
		await this.#begin();
	}

	// ------------------------------------------------------------ a dispatcher's life

	async #begin(): Promise<void> {
		const { storage, dialect } = this.#options;
		// On Postgres others may be at work.
		const isAlone = dialect === 'sqlite' || this.#chance.next() < 0.5;
		this.#note(`begins${isAlone ? ' alone' : ''}`);
		if (isAlone) await storage.queue.releaseLeases(this.#clock.now(), LEASE_MS);
		this.#ledger.forgetPace();
		const life: Life = { isOver: false, requests: new Set(), turningSince: undefined };
		const queue: DeliveryQueue = {
			look: (now) => storage.queue.look(now),
			releaseLeases: (now, leaseMs) => storage.queue.releaseLeases(now, leaseMs),
			turn: (turn) => this.#turn(life, turn),
		};
		const dispatcher = new Dispatcher({
			storage: { ...storage, queue },
			client: { send: (request) => this.#receive(life, request) },
			ids,
			clock: this.#clock,
			log: silentLog,
			random: () => this.#chance.next(),
			maxPerHost: 4,
			userAgent: 'whatisup-webhooks/storm',
			announce: (appended) => dispatcher.wake(appended),
		});
		life.dispatcher = dispatcher;
		this.#life = life;
		dispatcher.start();
	}

	async #stop(): Promise<void> {
		let isStopped = false;
		const stopping = this.#life.dispatcher!.stop().finally(() => (isStopped = true));
		while (!isStopped) await this.#pass(500);
		await stopping;
	}

	async #turn(life: Life, turn: Turn): Promise<readonly Claimed[]> {
		const { storage, dialect } = this.#options;
		life.turningSince = this.#clock.now();
		try {
			await this.#nap();
			if (life.isOver) return await NEVER;
			if (this.#chance.next() < 0.02) throw new Error('the database is away');
			const claimed = await storage.queue.turn(turn);
			await this.#nap();
			if (life.isOver) return await NEVER;
			if (dialect === 'postgres' && this.#chance.next() < 0.01) {
				throw new Error('the connection broke after the commit');
			}
			this.#noteClaims(claimed);
			return claimed;
		} catch (error) {
			this.#note(String(error));
			throw error;
		} finally {
			life.turningSince = undefined;
		}
	}

	#receive(life: Life, { headers, body }: WebhookRequest): Promise<WebhookResult> {
		if (life.isOver) return NEVER;
		const endpoint = headers['x-whatisup-endpoint-id'] as EndpointId;
		const place = placeOf(Buffer.from(body).toString());
		this.#note(`sends ${keyOf(endpoint, place)}, attempt ${headers['x-whatisup-attempt']}`);
		this.#ledger.sent(endpoint, place, this.#clock.now());
		return new Promise((resolve) => {
			const end = (result: WebhookResult) => {
				life.requests.delete(request);
				// The receiver has done its part, even if nobody is there any more to hear of it.
				if (isAccepted(result)) this.#ledger.accepted(endpoint, place);
				if (life.isOver) return;
				if (!isAccepted(result)) this.#ledger.failed(endpoint, place);
				resolve(result);
			};
			const request: Request = { endpoint, at: this.#clock.now(), end };
			life.requests.add(request);
			void this.#nap().then(() => this.#answer(request));
		});
	}

	#answer({ endpoint, end }: Request): void {
		const weather = this.#weather.get(endpoint)!;
		if (weather === 'hanging') return;
		const isGood = weather === 'good' || (weather === 'mixed' && this.#chance.next() < 0.6);
		end({ outcome: 'answered', status: isGood ? 200 : 500, ...ANSWER });
	}

	// ------------------------------------------------------------ time

	async #pass(ms: number): Promise<void> {
		for (let left = ms; left > 0; left -= STEP_MS) {
			this.#clock.advance(Math.min(left, STEP_MS));
			const now = this.#clock.now();
			for (const request of this.#life.requests) {
				if (now - request.at >= REQUEST_MS) request.end(TIMED_OUT);
			}
			await sleep(ms > STEP_MS ? 1 : 0);
			const { turningSince } = this.#life;
			if (turningSince === undefined || now - turningSince <= STEP_MS) continue;
			while (this.#life.turningSince === turningSince) await sleep(1);
		}
	}

	async #nap(): Promise<void> {
		const dice = this.#chance.next();
		if (dice < 0.4) return;
		await sleep(dice < 0.8 ? 0 : this.#chance.between(1, 6));
	}

	// ------------------------------------------------------------ what came of it

	async #isUnsettled(): Promise<boolean> {
		const { storage, scope } = this.#options;
		for (const status of ['pending', 'retrying'] as const) {
			const { deliveries } = await storage.deliveries.list(scope, { status }, { limit: 1 });
			if (deliveries.length > 0) return true;
		}
		return false;
	}

	/** What was dropped for its age, and when. */
	async #dropped(): Promise<Map<string, number>> {
		const { storage, scope } = this.#options;
		const failed = await storage.deliveries.list(scope, { status: 'failed' }, { limit: 1_000 });
		const dropped = failed.deliveries.filter(({ lastError }) => isTooOld(lastError ?? ''));
		return new Map(
			dropped.map(({ endpointId, payload, updatedAt }) => [
				keyOf(endpointId, placeOf(payload!)),
				updatedAt,
			]),
		);
	}

	#noteClaims(claimed: readonly Claimed[]): void {
		for (const { destination, deliveries } of claimed) {
			const names = deliveries.map(({ body, waitsFor }) => {
				const { chat, sequence } = placeOf(body!);
				return `${chat}${sequence}${waitsFor ? ', which waits' : ''}`;
			});
			this.#note(`claims of ${short(destination.id)} ${names.join(' ')}`);
		}
	}

	#note(what: string): void {
		this.log.push(`${this.#clock.now() - this.#begunAt} ms: ${what}`);
	}
}

function isAccepted(result: WebhookResult): boolean {
	return result.outcome === 'answered' && result.status === 200;
}

function placeOf(body: string): Place {
	const { sequence, data } = JSON.parse(body) as { sequence: number; data: { code: string } };
	return { chat: data.code, sequence };
}

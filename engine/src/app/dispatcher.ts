import {
	afterFailure,
	CLOSED,
	mayProbe,
	OPENING_FAILURES,
	probing,
	type CircuitState,
} from '../domain/circuit.ts';
import { reasonToDrop } from '../domain/dropping.ts';
import type { EndpointId } from '../domain/ids.ts';
import { BLOCKING_ATTEMPTS } from '../domain/retry-schedule.ts';
import { DeliveryTurns } from './delivery-turns.ts';
import { EndpointHealthKeeper } from './endpoint-health.ts';
import { backInPlace, Outlet } from './outlet.ts';
import { Places } from './places.ts';
import type {
	Appended,
	Circuit,
	Claimed,
	ClaimedDelivery,
	Clock,
	Dispatching,
	IdSource,
	Log,
	Storage,
	WebhookClient,
	WebhookRequest,
	WebhookResult,
} from './ports.ts';
import { againAt, attemptOf, isGone, isSuccess, judge } from './verdict.ts';
import { webhookHeaders } from './webhook-headers.ts';

export interface DispatcherOptions {
	readonly storage: Storage;
	readonly client: WebhookClient;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
	readonly random: () => number;
	/** Requests in flight to one host, at most. */
	readonly maxPerHost: number;
	readonly userAgent: string;
	/** These endpoints have something to receive, by an event that the dispatcher itself wrote. */
	readonly announce: (appended: Appended) => void;
}

/** Requests in flight altogether, at most. */
const MAX_IN_FLIGHT = 256;

/** Deliveries of one endpoint that are claimed and wait for their turn, at most. */
const MAX_HELD = 512;

/** Longer than a request may take: what has less of its lease left is not begun. */
const LONGEST_REQUEST_MS = 20_000;

/** When to try a probe again that the database kept from being claimed. */
const PROBE_AGAIN_MS = 1_000;

/**
 * Sends what is due. The deliveries table is the queue; `DeliveryTurns` claims from it, endpoint by
 * endpoint, as many as each has room for here. A claim is a lease, so what a crash leaves behind
 * falls due again by itself.
 *
 * A stalled receiver costs the others nothing: an endpoint has a quarter less than the places of
 * its host, and a single one while it fails; a host has a few of all; and what waits for them
 * waits in the database, in no one's way.
 */
export class Dispatcher implements Dispatching {
	readonly #options: DispatcherOptions;
	readonly #health: EndpointHealthKeeper;
	readonly #turns: DeliveryTurns;
	readonly #maxPerEndpoint: number;
	readonly #outlets = new Map<EndpointId, Outlet>();
	/** Those whose circuit is not closed. */
	readonly #shut = new Set<Outlet>();
	readonly #hosts = new Map<string, Places<Outlet>>();
	readonly #all = new Places<Outlet>(MAX_IN_FLIGHT);
	readonly #inFlight = new Map<Promise<void>, Outlet>();
	#stopped = true;

	constructor(options: DispatcherOptions) {
		this.#options = options;
		this.#health = new EndpointHealthKeeper(options);
		this.#maxPerEndpoint = Math.max(1, Math.floor((options.maxPerHost * 3) / 4));
		this.#turns = new DeliveryTurns({
			queue: options.storage.queue,
			clock: options.clock,
			log: options.log,
			roomOf: (id) => (this.#stopped ? 0 : (this.#outlets.get(id)?.room(MAX_HELD) ?? MAX_HELD)),
			toProbe: () => (this.#stopped ? [] : this.#toProbe()),
			isIdle: () => this.#isIdle(),
			claimed: (claimed, probed, turn) => this.#accept(claimed, probed, turn),
			notProbed: (ids) => this.#probeAgain(ids),
		});
	}

	start(): void {
		this.#stopped = false;
		this.#turns.start();
	}

	wake(endpoints: Iterable<EndpointId>): void {
		this.#turns.due(endpoints);
		this.#turns.soon();
	}

	circuit(id: EndpointId): Circuit {
		const circuit = this.#outlets.get(id)?.circuit ?? CLOSED;
		const { name: state, consecutiveFailures, nextProbeAt } = circuit;
		return { state, consecutiveFailures, nextProbeAt };
	}

	reset(id: EndpointId): void {
		const outlet = this.#outlets.get(id);
		if (outlet) {
			this.#clear(outlet);
			outlet.forget();
			this.#setCircuit(outlet, CLOSED);
		}
		this.wake([id]);
	}

	/** Claims nothing more, waits for the requests in flight and writes down how they went. */
	async stop(): Promise<void> {
		this.#stopped = true;
		for (const outlet of this.#outlets.values()) this.#clear(outlet);
		await Promise.all(this.#inFlight.keys());
		await this.#turns.stop();
	}

	// ------------------------------------------------------------ claiming

	#accept(claimed: readonly Claimed[], probed: readonly EndpointId[], turn: number): void {
		for (const some of claimed) {
			const outlet = this.#outletOf(some.destination.id);
			this.#turns.giveBack(outlet.accept(some, turn));
			if (this.#stopped) this.#clear(outlet);
			this.#pump(outlet);
		}
		const found = new Set(claimed.map(({ destination }) => destination.id));
		for (const id of probed) {
			// There was nothing to probe with: the next delivery does it.
			if (!found.has(id)) this.#setCircuit(this.#outletOf(id), ALMOST_OPEN);
		}
	}

	#toProbe(): EndpointId[] {
		const now = this.#options.clock.now();
		const ripe: EndpointId[] = [];
		for (const outlet of this.#shut) {
			if (outlet.held > 0) continue;
			// A probe that is not held any more was never sent: it had to wait, or was too old.
			const isLost = outlet.circuit.name === 'half_open';
			if (!isLost && !mayProbe(outlet.circuit, now)) continue;
			this.#setCircuit(outlet, probing(outlet.circuit));
			ripe.push(outlet.id);
		}
		return ripe;
	}

	#probeAgain(ids: readonly EndpointId[]): void {
		const nextProbeAt = this.#options.clock.now() + PROBE_AGAIN_MS;
		for (const id of ids) {
			const outlet = this.#outletOf(id);
			this.#setCircuit(outlet, { ...outlet.circuit, name: 'open', nextProbeAt });
		}
	}

	// ------------------------------------------------------------ sending

	/** Sends what may go out to an endpoint now. */
	#pump(outlet: Outlet): void {
		while (outlet.isReady && !this.#stopped) {
			if (this.#setAside(outlet)) continue;
			if (outlet.sending >= (outlet.isFailing ? 1 : this.#maxPerEndpoint)) return;
			if (this.#all.isFull) return this.#all.waitFor(outlet);
			const host = this.#hostOf(outlet);
			if (host.isFull) return host.waitFor(outlet);
			const waitMs = outlet.takePace(this.#options.clock.now());
			if (waitMs > 0) return this.#pumpIn(waitMs, outlet);
			const delivery = outlet.next();
			if (!delivery) return;
			this.#begin(outlet, host, delivery);
		}
	}

	/** Whether the next one is not to be sent, or not now: that takes neither a place nor the pace. */
	#setAside(outlet: Outlet): boolean {
		const delivery = outlet.upcoming;
		if (!delivery) return false;
		const at = this.#options.clock.now();
		const drop = reasonToDrop(delivery, outlet.destination.maxAgeSeconds, at);
		if (at > delivery.leasedUntil - LONGEST_REQUEST_MS) {
			// It waited too long for its turn, and so did those behind it.
			outlet.next();
			const followers = outlet.block(delivery, delivery.since, this.#turns.underWay);
			this.#turns.giveBack([backInPlace(delivery), ...followers]);
			this.#turns.due([outlet.id]);
		} else if (drop !== undefined) {
			outlet.next();
			const outcome = { status: 'failed', error: drop, responseStatus: null } as const;
			this.#turns.settle({ delivery, outcome, attempt: null, isProbe: false, at });
			outlet.done(delivery, this.#turns.underWay);
		} else {
			return false;
		}
		this.#turns.soon();
		return true;
	}

	/** Nothing will end soon but what has ended: what hangs is not waited for. */
	#isIdle(): boolean {
		for (const outlet of this.#inFlight.values()) {
			if (!outlet.isStuck) return false;
		}
		return true;
	}

	#pumpIn(ms: number, outlet: Outlet): void {
		if (outlet.isWaitingForPace) return;
		outlet.isWaitingForPace = true;
		this.#options.clock.after(ms, () => {
			outlet.isWaitingForPace = false;
			this.#pump(outlet);
		});
	}

	#begin(outlet: Outlet, host: Places<Outlet>, delivery: ClaimedDelivery): void {
		const name = outlet.host;
		outlet.sending++;
		this.#all.take();
		host.take();
		const sending = this.#deliver(outlet, delivery)
			.catch((error: unknown) => {
				this.#options.log.error(
					{ endpoint_id: outlet.id, error: String(error) },
					'the health of a webhook endpoint could not be written down',
				);
			})
			.finally(() => {
				outlet.sending--;
				this.#inFlight.delete(sending);
				const tryAgain = (waiter: Outlet) => this.#pump(waiter);
				host.release(tryAgain);
				this.#all.release(tryAgain);
				this.#pump(outlet);
				if (host.isUnused) this.#hosts.delete(name);
				this.#turns.soon();
			});
		this.#inFlight.set(sending, outlet);
	}

	async #deliver(outlet: Outlet, delivery: ClaimedDelivery): Promise<void> {
		const { clock, userAgent } = this.#options;
		const at = clock.now();
		const { destination } = outlet;
		const body = Buffer.from(delivery.body!);
		const result = await this.#send({
			url: destination.url,
			mode: destination.mode,
			headers: webhookHeaders({
				userAgent,
				secrets: destination.signingSecrets,
				event: delivery.event,
				eventId: delivery.eventId,
				endpointId: destination.id,
				deliveryId: delivery.id,
				attempt: delivery.attempt,
				correlationId: delivery.correlationId,
				nowSeconds: Math.floor(at / 1_000),
				body,
			}),
			body,
		});
		await this.#settle(outlet, delivery, { result, at, url: destination.url });
	}

	/** A fault of ours is one of the attempt: it is told, and tried again like any other. */
	async #send(request: WebhookRequest): Promise<WebhookResult> {
		try {
			return await this.#options.client.send(request);
		} catch (error) {
			this.#options.log.error({ error: String(error) }, 'a webhook could not be sent');
			return {
				outcome: 'failed',
				reason: 'internal',
				message: 'The engine could not send it; its log says why.',
				latencyMs: 0,
				address: null,
			};
		}
	}

	async #settle(
		outlet: Outlet,
		delivery: ClaimedDelivery,
		{ result, at: startedAt, url }: Answered,
	): Promise<void> {
		const { clock, random, log } = this.#options;
		const now = clock.now();
		const isProbe = outlet.circuit.name === 'half_open';
		const { attemptOfRun } = delivery;
		// Of how the endpoint does at its new URL, the former one can say nothing.
		const isOutdated = outlet.url !== url;
		// A probe that fails uses up no attempt, so it is not the last one either.
		const counted = { attemptOfRun: isProbe ? Math.max(1, attemptOfRun - 1) : attemptOfRun };
		const judged = judge(counted, result, { now, random: random() });
		const outcome = isOutdated ? againAt(now, judged) : judged;
		this.#turns.settle({
			delivery,
			outcome,
			attempt: attemptOf(delivery, result, startedAt),
			isProbe: isProbe && outcome.status === 'retrying',
			at: now,
		});
		if (outcome.status === 'retrying' && isBlocking(delivery)) {
			this.#turns.giveBack(outlet.block(delivery, outcome.dueAt, this.#turns.underWay));
		} else {
			outlet.done(delivery, this.#turns.underWay);
		}
		log.debug(
			{
				delivery_id: delivery.id,
				endpoint_id: outlet.id,
				attempt: delivery.attempt,
				status: outcome.status,
				latency_ms: result.latencyMs,
			},
			'delivery attempted',
		);
		if (isOutdated) return;
		if (isSuccess(result)) await this.#succeeded(outlet, now);
		else await this.#failed(outlet, result, now);
	}

	async #succeeded(outlet: Outlet, now: number): Promise<void> {
		const wasOpen = outlet.circuit.name !== 'closed';
		this.#setCircuit(outlet, CLOSED);
		if (wasOpen) {
			// In the turn that claims next, and before it claims: what was put off behind the probe goes
			// out ahead of what is new. What is leased must stay so; this request is settled before.
			if (outlet.sending === 1) this.#turns.hasten(outlet.id);
			this.#turns.due([outlet.id]);
		}
		await this.#health.succeeded(outlet, now);
	}

	async #failed(outlet: Outlet, result: WebhookResult, now: number): Promise<void> {
		const before = outlet.circuit.name;
		this.#setCircuit(outlet, afterFailure(outlet.circuit, now, this.#options.random()));
		const { name, nextProbeAt } = outlet.circuit;
		if (name === 'open' && before !== 'open') {
			this.#clear(outlet);
			this.#turns.lookIn(nextProbeAt! - now);
		}
		if (isGone(result)) await this.#health.disable(outlet, 'gone');
		else if (!(await this.#health.failed(outlet, now))) return;
		this.#clear(outlet);
	}

	#setCircuit(outlet: Outlet, circuit: CircuitState): void {
		outlet.circuit = circuit;
		if (circuit.name === 'closed') this.#shut.delete(outlet);
		else this.#shut.add(outlet);
	}

	#clear(outlet: Outlet): void {
		this.#turns.giveBack(outlet.clear(this.#turns.underWay));
	}

	#outletOf(id: EndpointId): Outlet {
		const known = this.#outlets.get(id) ?? new Outlet(id);
		this.#outlets.set(id, known);
		return known;
	}

	#hostOf(outlet: Outlet): Places<Outlet> {
		const { host } = outlet;
		const known = this.#hosts.get(host) ?? new Places<Outlet>(this.#options.maxPerHost);
		this.#hosts.set(host, known);
		return known;
	}
}

/** An attempt that was made: what came of it, when it began, and where it went. */
interface Answered {
	readonly result: WebhookResult;
	readonly at: number;
	readonly url: string;
}

/** Closed, and the next failure opens it again. */
const ALMOST_OPEN: CircuitState = { ...CLOSED, consecutiveFailures: OPENING_FAILURES - 1 };

/** What somebody asked to send again is late already, and holds up nobody. */
function isBlocking({ attemptOfRun, isRedelivered }: ClaimedDelivery): boolean {
	return attemptOfRun < BLOCKING_ATTEMPTS && !isRedelivered;
}

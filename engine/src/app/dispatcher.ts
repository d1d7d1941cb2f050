import { honoursRetryAfter, nextAttemptAt } from '../domain/retry-schedule.ts';
import { signContract, signStandard } from '../domain/signature.ts';
import type {
	ClaimedDelivery,
	Clock,
	DeliveryOutcome,
	DeliveryStore,
	EndpointStore,
	Log,
	WebhookClient,
	WebhookResult,
} from './ports.ts';

export interface DispatcherOptions {
	readonly deliveries: DeliveryStore;
	readonly endpoints: Pick<EndpointStore, 'disable'>;
	readonly client: WebhookClient;
	readonly clock: Clock;
	readonly log: Log;
	readonly random: () => number;
	/** Requests in flight to one host, at most. */
	readonly maxPerHost: number;
	readonly userAgent: string;
}

/** Requests in flight altogether, at most. */
const MAX_IN_FLIGHT = 64;

/** Longer than a request may take, waiting for its turn at the host included. */
const LEASE_MS = 40_000;

/** Another process may add deliveries without a word to this one. */
const POLL_MS = 1_000;

const BODY = new TextEncoder();

/**
 * Sends what is due. The deliveries table is the queue: a claim leases a delivery to this process
 * until it is settled or the lease runs out, so what a crash leaves behind falls due again by
 * itself. A host whose places are taken is left out of the next claim, and costs the others none.
 */
export class Dispatcher {
	readonly #options: DispatcherOptions;
	/** Requests in flight or about to be, by host. */
	readonly #hosts = new Map<string, Host>();
	#inFlight = 0;
	#pumping = false;
	#pumpAgain = false;
	#stopped = true;
	#cancelTimer: (() => void) | undefined;
	#idle: (() => void) | undefined;

	constructor(options: DispatcherOptions) {
		this.#options = options;
	}

	start(): void {
		this.#stopped = false;
		this.wake();
	}

	/** There may be something due. Cheap, and safe to call too often. */
	wake(): void {
		if (this.#stopped) return;
		if (this.#pumping) {
			this.#pumpAgain = true;
			return;
		}
		this.#pumping = true;
		this.#pump()
			.catch((error: unknown) => {
				this.#options.log.error({ error: String(error) }, 'deliveries could not be claimed');
				this.#wakeIn(POLL_MS);
			})
			.finally(() => {
				this.#pumping = false;
				if (this.#pumpAgain) {
					this.#pumpAgain = false;
					this.wake();
				}
			});
	}

	/** Claims nothing more and waits for the requests in flight. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#cancelTimer?.();
		if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
	}

	async #pump(): Promise<void> {
		const { deliveries, clock, maxPerHost } = this.#options;
		this.#cancelTimer?.();
		while (!this.#stopped && this.#inFlight < MAX_IN_FLIGHT) {
			const busy = [...this.#hosts].filter(([, { taken }]) => taken >= maxPerHost);
			// A claim may bring one host's deliveries only. No more of them than it has places, and
			// those that others took meanwhile wait for one request at most, well within the lease.
			const claimed = await deliveries.claim({
				now: clock.now(),
				leaseMs: LEASE_MS,
				limit: Math.min(maxPerHost, MAX_IN_FLIGHT - this.#inFlight),
				withoutHosts: busy.map(([host]) => host),
			});
			if (claimed.length === 0) break;
			for (const delivery of claimed) this.#take(delivery);
		}
		if (this.#stopped) return;
		const dueAt = await deliveries.nextDueAt();
		const inMs = dueAt === undefined ? POLL_MS : dueAt - clock.now();
		// What is due and was not claimed waits for a place at its host; a settled request wakes us.
		this.#wakeIn(inMs <= 0 ? POLL_MS : Math.min(inMs, POLL_MS));
	}

	#wakeIn(ms: number): void {
		if (this.#stopped) return;
		this.#cancelTimer?.();
		this.#cancelTimer = this.#options.clock.after(ms, () => this.wake());
	}

	#take(delivery: ClaimedDelivery): void {
		const name = new URL(delivery.url).host;
		const host = this.#hosts.get(name) ?? { taken: 0, sending: 0, waiting: [] };
		this.#hosts.set(name, host);
		host.taken++;
		this.#inFlight++;
		host.waiting.push(delivery);
		this.#sendNext(name, host);
	}

	#sendNext(name: string, host: Host): void {
		while (host.sending < this.#options.maxPerHost) {
			const delivery = host.waiting.shift();
			if (!delivery) break;
			host.sending++;
			this.#deliver(delivery)
				.catch((error: unknown) => {
					// Not settled: the lease runs out and it is sent again.
					this.#options.log.error(
						{ delivery_id: delivery.id, error: String(error) },
						'a delivery could not be settled',
					);
				})
				.finally(() => {
					host.sending--;
					host.taken--;
					this.#inFlight--;
					if (host.taken === 0) this.#hosts.delete(name);
					else this.#sendNext(name, host);
					if (this.#inFlight === 0) this.#idle?.();
					this.wake();
				});
		}
	}

	async #deliver(delivery: ClaimedDelivery): Promise<void> {
		const { client, deliveries, endpoints, clock, log } = this.#options;
		const body = BODY.encode(delivery.body);
		const result = await client.send({
			url: delivery.url,
			mode: delivery.mode,
			headers: this.#headers(delivery, body),
			body,
		});
		const now = clock.now();
		const outcome = judge(delivery, result, now, this.#options.random());
		const settled = await deliveries.settle(delivery, outcome, now);
		if (result.outcome === 'answered' && result.status === GONE) {
			await endpoints.disable(delivery.endpointId, now);
			log.warn(
				{ endpoint_id: delivery.endpointId },
				'the receiver answered 410: endpoint disabled',
			);
		}
		log.debug(
			{
				delivery_id: delivery.id,
				endpoint_id: delivery.endpointId,
				attempt: delivery.attempt,
				status: settled ? outcome.status : 'lease_lost',
				latency_ms: result.latencyMs,
			},
			'delivery attempted',
		);
	}

	#headers(delivery: ClaimedDelivery, body: Uint8Array): Record<string, string> {
		const seconds = Math.floor(this.#options.clock.now() / 1_000);
		const { signingSecrets: secrets, eventId } = delivery;
		return {
			'content-type': 'application/json',
			'user-agent': this.#options.userAgent,
			'x-whatisup-signature': signContract(secrets, seconds, body),
			'x-whatisup-event': delivery.event,
			'x-whatisup-event-id': eventId,
			'x-whatisup-endpoint-id': delivery.endpointId,
			'x-whatisup-delivery-id': delivery.id,
			'x-whatisup-attempt': String(delivery.attempt),
			'x-whatisup-correlation-id': delivery.correlationId ?? eventId,
			'webhook-id': eventId,
			'webhook-timestamp': String(seconds),
			'webhook-signature': signStandard(secrets, eventId, seconds, body),
		};
	}
}

const GONE = 410;

interface Host {
	/** Claimed and not yet settled. */
	taken: number;
	sending: number;
	readonly waiting: ClaimedDelivery[];
}

/** What a result means for the delivery: done, again later, or given up. */
function judge(
	delivery: ClaimedDelivery,
	result: WebhookResult,
	now: number,
	random: number,
): DeliveryOutcome {
	if (result.outcome === 'answered' && result.status >= 200 && result.status < 300) {
		return { status: 'success', responseStatus: result.status };
	}
	const responseStatus = result.outcome === 'answered' ? result.status : null;
	const error = result.outcome === 'answered' ? answerError(result.status) : result.message;
	const final = responseStatus === GONE || isBlocked(result);
	const dueAt = final
		? undefined
		: nextAttemptAt({
				attempt: delivery.attempt,
				failedAt: now,
				random,
				retryAfterMs:
					result.outcome === 'answered' && honoursRetryAfter(result.status)
						? result.retryAfterMs
						: undefined,
			});
	return dueAt === undefined
		? { status: 'failed', error, responseStatus }
		: { status: 'retrying', dueAt, error, responseStatus };
}

/** An address that may not be reached is not going to be allowed by waiting. */
function isBlocked(result: WebhookResult): boolean {
	return result.outcome === 'failed' && result.reason === 'blocked';
}

function answerError(status: number): string {
	if (status === GONE) return 'The receiver answered 410 Gone; the endpoint was disabled.';
	if (status >= 300 && status < 400) {
		return `The receiver answered ${status}, a redirect; redirects are not followed.`;
	}
	return `The receiver answered ${status}.`;
}

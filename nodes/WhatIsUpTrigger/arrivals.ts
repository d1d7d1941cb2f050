import { AcceptedEvents } from './accepted-events';

/**
 * Which correctly signed call may start the workflow.
 *
 * The engine delivers at least once: when it dies after sending, or when n8n's answer is lost,
 * the same event comes again, signed anew. The workflow must run once all the same. And whoever
 * has recorded a call can send it again within the five minutes that its signature is good for.
 * Both show in the event's id, which is part of what is signed, and in the time of signing:
 *
 *   the event is unknown                      `run`         the workflow starts
 *   unknown, but memory does not reach back   `forgotten`   401, nothing runs
 *   known, signed no later than the last      `replayed`    401, nothing runs
 *   known, signed later, its run accepted     `repeated`    200, so that the engine is content
 *   known, signed later, its run uncertain    `starting`    503, the engine asks again
 *
 * A refusal loses nothing: the engine delivers again, and signs anew. An event counts as accepted
 * once n8n has answered 2xx for it; when n8n could not start the run it is not remembered, for a
 * message that runs twice is better than one that is lost.
 *
 * Two things are remembered of each endpoint. When calls were signed is needed no longer than a
 * signature is good for: that is kept of the latest 5,000 events. Which events were accepted is
 * needed far longer, since people have old events delivered again, oldest first: that is kept of
 * the latest 200,000. An event that was accepted before those runs once more when it comes again.
 *
 * What is remembered lies in the memory of the n8n process: it ends with the process, and where
 * several processes receive webhooks, each knows only what it received itself. n8n's static data is
 * no place for it: n8n 2.41 drops what a call has changed there when that call starts a run (the
 * run takes the same object and marks it unchanged before it is saved), and it saves the data of
 * all nodes as one, so of two calls at once the later undoes the earlier. So after a restart a call
 * that was signed before it is refused, known or not.
 */
export type ArrivalVerdict = 'run' | 'forgotten' | 'replayed' | 'repeated' | 'starting';

export interface Arrival {
	readonly eventId: string;
	/** Unix seconds, out of the signature. */
	readonly signedAt: number;
}

export interface KnownEvent {
	/** The latest time at which a call for this event was signed. */
	readonly signedAt: number;
	/** False while n8n has not yet said whether the run started. */
	readonly accepted: boolean;
}

/** Memory is complete for what was signed after `completeSince`, in Unix seconds. */
export function judgeArrival(
	{ signedAt }: Arrival,
	known: KnownEvent | undefined,
	completeSince: number,
): ArrivalVerdict {
	if (known === undefined) return signedAt > completeSince ? 'run' : 'forgotten';
	if (signedAt <= known.signedAt) return 'replayed';
	return known.accepted ? 'repeated' : 'starting';
}

/** Ten minutes, which is how long a signature can be good for, at eight events per second. */
const MOST_REMEMBERED = 5_000;

/** What one endpoint has received, as far as one n8n process knows. */
export class Arrivals {
	/** The last one touched comes last. */
	readonly #events = new Map<string, KnownEvent>();
	readonly #accepted = new AcceptedEvents();
	#completeSince: number;

	constructor(completeSince: number) {
		this.#completeSince = completeSince;
	}

	/** Judges an arrival and remembers it, unless it is refused. */
	admit(arrival: Arrival): ArrivalVerdict {
		const { eventId, signedAt } = arrival;
		const verdict = judgeArrival(arrival, this.#find(eventId), this.#completeSince);
		if (verdict === 'run') this.#remember(eventId, { signedAt, accepted: false });
		// One that is known by its id alone stays so: old events that come again by the thousand must
		// not push out those that are new.
		if (verdict === 'repeated' && this.#events.has(eventId)) {
			this.#remember(eventId, { signedAt, accepted: true });
		}
		return verdict;
	}

	/** Says how n8n answered the call that `admit` let run. */
	settle(eventId: string, accepted: boolean): void {
		const known = this.#events.get(eventId);
		if (!accepted) this.#events.delete(eventId);
		else if (known !== undefined) this.#remember(eventId, { ...known, accepted });
		if (accepted) this.#accepted.add(eventId);
	}

	/** Of an event that is known by its id alone, calls signed up to `completeSince` are replays. */
	#find(eventId: string): KnownEvent | undefined {
		const known = this.#events.get(eventId);
		if (known !== undefined || !this.#accepted.has(eventId)) return known;
		return { signedAt: this.#completeSince, accepted: true };
	}

	/** What no longer fits is not open to a replay: memory merely reaches back less far. */
	#remember(eventId: string, event: KnownEvent): void {
		// A Map leaves a key that it has in its place, but what was touched last must go last.
		this.#events.delete(eventId);
		this.#events.set(eventId, event);
		if (this.#events.size <= MOST_REMEMBERED) return;
		for (const [oldest, { signedAt }] of this.#events) {
			this.#events.delete(oldest);
			this.#completeSince = Math.max(this.#completeSince, signedAt);
			return;
		}
	}
}

/** How long a signature can be good for. */
const LINGER_MS = 10 * 60_000;

const arrivalsByEndpoint = new Map<string, Arrivals>();
const endsAt = new Map<string, number>();

/** The memory of an endpoint. One that this process did not register may have received before. */
export function arrivalsOf(endpointId: string): Arrivals {
	const arrivals = arrivalsByEndpoint.get(endpointId) ?? new Arrivals(processStart());
	arrivalsByEndpoint.set(endpointId, arrivals);
	return arrivals;
}

/** Starts the memory of an endpoint: of a new one, which has received nothing, it is complete. */
export function beginArrivals(endpointId: string, completeSince = -Infinity): void {
	forgetEnded();
	arrivalsByEndpoint.set(endpointId, new Arrivals(completeSince));
}

export function endArrivals(endpointId: string): void {
	arrivalsByEndpoint.delete(endpointId);
	endsAt.delete(endpointId);
}

/** For an endpoint that may yet be kept: then it must know what it has received. */
export function endArrivalsLater(endpointId: string): void {
	forgetEnded();
	endsAt.set(endpointId, Date.now() + LINGER_MS);
}

export function keepArrivals(endpointId: string): void {
	endsAt.delete(endpointId);
}

/** Needs no timer: it is enough to make room whenever a registration changes. */
function forgetEnded(): void {
	for (const [endpointId, at] of endsAt) {
		if (at <= Date.now()) endArrivals(endpointId);
	}
}

/** A clock that was ahead at the start and was set back since must not shut everyone out. */
function processStart(): number {
	const { timeOrigin } = performance;
	return timeOrigin <= Date.now() ? Math.floor(timeOrigin / 1000) : -Infinity;
}

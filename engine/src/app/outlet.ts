import { CLOSED, type CircuitState } from '../domain/circuit.ts';
import { takeToken, type TokenBucket } from '../domain/token-bucket.ts';
import type { DeliveryId, EndpointId } from '../domain/ids.ts';
import type {
	Claimed,
	ClaimedDelivery,
	Destination,
	EndpointHealth,
	Predecessor,
	PutOff,
} from './ports.ts';

/** Claimed deliveries of one lane. */
interface Lane {
	readonly number: number | null;
	readonly queue: ClaimedDelivery[];
	/** On its way; the others wait for it. */
	head: ClaimedDelivery | undefined;
}

/** What has happened while a turn was under way, and the turn does not know. */
interface Lately {
	readonly turn: number;
	/** Lanes whose head has failed, with that head. */
	readonly blocked: Map<number, Predecessor>;
	/** Those that are done. */
	readonly ended: Set<DeliveryId>;
}

/** How far ahead of its pace an endpoint with a limit may claim, in seconds. */
const PACE_AHEAD_SECONDS = 5;

/**
 * One endpoint as the dispatcher sees it: what was claimed for it and waits, lane by lane, and how
 * its attempts have gone. The head of a lane goes out alone; the next follows when it is settled.
 */
export class Outlet {
	readonly id: EndpointId;
	circuit: CircuitState = CLOSED;
	/** Requests under way. */
	sending = 0;
	/** How it went before this process looked, until this process knows better. */
	health: EndpointHealth = { failingSince: null, workedUntil: null };
	lastSuccessAt: number | null = null;
	/** Since when this process has seen nothing but failures. */
	seenFailingSince: number | null = null;
	isWaitingForPace = false;
	/** `URL.host` of where it sends. */
	host = '';
	#destination: Destination | undefined;
	readonly #lanes = new Map<number, Lane>();
	#ready: Lane[] = [];
	#lately: Lately | undefined;
	#clearedIn: number | undefined;
	#held = 0;
	/** Whether anything has ended since the last claim. */
	#hasMoved = false;
	#bucket: TokenBucket | undefined;

	constructor(id: EndpointId) {
		this.id = id;
	}

	get destination(): Destination {
		if (!this.#destination) throw new Error('Nothing was claimed for this endpoint yet.');
		return this.#destination;
	}

	/** Where it sends now; `undefined` from a change until something is claimed anew. */
	get url(): string | undefined {
		return this.#destination?.url;
	}

	get isFailing(): boolean {
		return this.circuit.consecutiveFailures > 0;
	}

	get isReady(): boolean {
		return this.#ready.length > 0;
	}

	/** Claimed and not settled or given back. */
	get held(): number {
		return this.#held;
	}

	/** Something waits here for a place, and nothing has ended since it was claimed. */
	get isStuck(): boolean {
		return this.isReady && !this.#hasMoved;
	}

	/**
	 * How many deliveries to claim. An endpoint that fails gets few: they would only be given back.
	 * One that is stuck gets none: more would wait in vain, and be in the way of the others.
	 */
	room(most: number): number {
		if (this.circuit.name !== 'closed' || this.isStuck) return 0;
		const perSecond = this.#destination?.maxPerSecond ?? null;
		const paced = perSecond === null ? most : Math.ceil(perSecond * PACE_AHEAD_SECONDS);
		const limit = Math.max(1, Math.min(most, paced, this.isFailing ? 4 : most));
		return this.#held * 2 > limit ? 0 : limit - this.#held;
	}

	/**
	 * Takes what a turn has claimed; answers what has to wait for an earlier one, to be given back.
	 */
	accept({ destination, deliveries }: Claimed, turn: number): PutOff[] {
		if (!this.#destination) {
			const { failingSince, workedUntil } = destination;
			this.health = { failingSince, workedUntil };
		}
		if (this.#destination?.url !== destination.url) this.host = new URL(destination.url).host;
		this.#destination = destination;
		if (this.#clearedIn === turn || this.circuit.name === 'open')
			return deliveries.map(backInPlace);
		this.#hasMoved = false;
		const putOff: PutOff[] = [];
		const lately = this.#during(turn);
		for (const delivery of deliveries) {
			const obstacle = this.#obstacleOf(delivery, lately);
			if (obstacle) {
				// Those of its lane that were claimed with it wait for it too.
				lately.blocked.set(delivery.lane!, obstacle);
				putOff.push(behind(obstacle, delivery));
			} else {
				this.#enqueue(delivery);
			}
		}
		this.#lately = undefined;
		return putOff;
	}

	/** What `next` would take. */
	get upcoming(): ClaimedDelivery | undefined {
		return this.#ready[0]?.queue[0];
	}

	/** The next delivery that may go out; `done` must follow. */
	next(): ClaimedDelivery | undefined {
		const lane = this.#ready.shift();
		const delivery = lane?.queue.shift();
		if (lane) lane.head = delivery;
		return delivery;
	}

	/** It is settled: the next one of its lane may go, also of what the turn under way claims. */
	done(delivery: ClaimedDelivery, turn: number | undefined): void {
		if (turn !== undefined) this.#during(turn).ended.add(delivery.id);
		this.#release(delivery);
	}

	/**
	 * It goes out again at `dueAt`, and those behind it with it: they are given back. So is what the
	 * turn that is under way claims of its lane, for that turn does not know yet.
	 */
	block(delivery: ClaimedDelivery, dueAt: number, turn: number | undefined): PutOff[] {
		const lane = this.#laneOf(delivery);
		const followers = lane ? lane.queue.splice(0) : [];
		const head = { id: delivery.id, until: dueAt };
		if (lane && turn !== undefined) this.#during(turn).blocked.set(lane.number!, head);
		this.#held -= followers.length;
		this.#release(delivery);
		return followers.map((follower) => behind(head, follower));
	}

	/** Gives back all that has not gone out, and what the turn that is under way claims. */
	clear(turn: number | undefined): PutOff[] {
		this.#clearedIn = turn;
		const waiting = new Set([...this.#lanes.values(), ...this.#ready]);
		const putOff: PutOff[] = [];
		for (const lane of waiting) {
			putOff.push(...lane.queue.splice(0).map(backInPlace));
			if (!lane.head && lane.number !== null) this.#lanes.delete(lane.number);
		}
		this.#ready = [];
		this.#held -= putOff.length;
		return putOff;
	}

	/** Knows no more of where it sends, at which pace, and how that went. */
	forget(): void {
		this.lastSuccessAt = null;
		this.seenFailingSince = null;
		this.#destination = undefined;
		this.#bucket = undefined;
	}

	/** Takes the right to send one now, or answers how long to wait for it. */
	takePace(now: number): number {
		const { maxPerSecond } = this.destination;
		if (maxPerSecond === null) return 0;
		const size = { perSecond: maxPerSecond, burst: Math.max(1, maxPerSecond) };
		const { bucket, waitMs } = takeToken(this.#bucket, size, now);
		this.#bucket = bucket;
		return waitMs;
	}

	#obstacleOf(
		{ lane, waitsFor }: ClaimedDelivery,
		{ blocked, ended }: Lately,
	): Predecessor | undefined {
		if (lane === null) return undefined;
		const head = blocked.get(lane);
		if (head || !waitsFor) return head;
		// Behind one that is held here it is in the right place.
		return ended.has(waitsFor.id) || this.#holds(lane, waitsFor.id) ? undefined : waitsFor;
	}

	#holds(number: number, id: DeliveryId): boolean {
		const lane = this.#lanes.get(number);
		return lane?.head?.id === id || lane?.queue.some((waiting) => waiting.id === id) === true;
	}

	#during(turn: number): Lately {
		if (this.#lately?.turn !== turn) {
			this.#lately = { turn, blocked: new Map(), ended: new Set() };
		}
		return this.#lately;
	}

	/** The next one of its lane may go. */
	#release(delivery: ClaimedDelivery): void {
		this.#held--;
		this.#hasMoved = true;
		const lane = this.#laneOf(delivery);
		if (!lane) return;
		lane.head = undefined;
		if (lane.queue.length > 0) this.#ready.push(lane);
		else this.#lanes.delete(lane.number!);
	}

	#enqueue(delivery: ClaimedDelivery): void {
		this.#held++;
		const known = delivery.lane === null ? undefined : this.#lanes.get(delivery.lane);
		if (known) {
			known.queue.push(delivery);
			return;
		}
		const lane: Lane = { number: delivery.lane, queue: [delivery], head: undefined };
		if (lane.number !== null) this.#lanes.set(lane.number, lane);
		this.#ready.push(lane);
	}

	#laneOf({ lane }: ClaimedDelivery): Lane | undefined {
		return lane === null ? undefined : this.#lanes.get(lane);
	}
}

function behind({ id, until }: Predecessor, delivery: ClaimedDelivery): PutOff {
	return { delivery, dueAt: until, behind: id };
}

/** Given back unsent, it is due as it was. */
export function backInPlace(delivery: ClaimedDelivery): PutOff {
	return { delivery, dueAt: delivery.since };
}

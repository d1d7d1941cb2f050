import type { EndpointId } from '../domain/ids.ts';
import type { Claimed, Clock, DeliveryQueue, Log, PutOff, Settlement, Turn } from './ports.ts';

export interface DeliveryTurnsOptions {
	readonly queue: DeliveryQueue;
	readonly clock: Clock;
	readonly log: Log;
	/** How many deliveries of this endpoint may be claimed now. */
	readonly roomOf: (id: EndpointId) => number;
	/** The endpoints that shall be probed now; each is asked about once. */
	readonly toProbe: () => readonly EndpointId[];
	/** Whether no request is under way. */
	readonly isIdle: () => boolean;
	readonly claimed: (
		claimed: readonly Claimed[],
		probed: readonly EndpointId[],
		turn: number,
	) => void;
	/** The database did not answer, so these were not probed. */
	readonly notProbed: (ids: readonly EndpointId[]) => void;
}

/** Deliveries claimed in one turn, at most: on SQLite every other write waits for a turn. */
const MAX_CLAIMED = 512;

export const LEASE_MS = 40_000;

/** Settled deliveries wait for company before they are written down, but not for long. */
const SETTLE_TOGETHER = 256;
const SETTLE_WITHIN_MS = 20;

/** Another process may add deliveries without a word to this one. */
const POLL_MS = 1_000;

/**
 * The dispatcher's side of the queue: takes one turn after another, each of which writes down what
 * came of the last requests and claims what there is room for, and knows when to take the next.
 */
export class DeliveryTurns {
	readonly #options: DeliveryTurnsOptions;
	/** May have more due than was claimed. */
	readonly #due = new Set<EndpointId>();
	readonly #recovered = new Set<EndpointId>();
	#settled: Settlement[] = [];
	#putOff: PutOff[] = [];
	#turning: Promise<void> | undefined;
	#count = 0;
	#turnAgain = false;
	#settleNow = false;
	#cancelSettling: (() => void) | undefined;
	#lookAt = Infinity;
	#cancelLook: (() => void) | undefined;
	#stopped = true;

	constructor(options: DeliveryTurnsOptions) {
		this.#options = options;
	}

	start(): void {
		this.#stopped = false;
		this.#look();
	}

	/** Takes no more turns but a last one, for what came of the requests. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#cancelLook?.();
		this.#cancelSettling?.();
		await this.#turning;
		const last = this.#turn(new Map(), []);
		if (last.settle.length + last.putOff.length > 0) await this.#take(last);
	}

	/** The number of the turn that is under way: it knows nothing of what happens meanwhile. */
	get underWay(): number | undefined {
		return this.#turning && this.#count;
	}

	settle(settlement: Settlement): void {
		this.#settled.push(settlement);
	}

	giveBack(deliveries: readonly PutOff[]): void {
		this.#putOff.push(...deliveries);
	}

	/** The endpoint works again: what it has waiting falls due. None of it may be leased. */
	hasten(id: EndpointId): void {
		this.#recovered.add(id);
	}

	/** These may have something due. */
	due(endpoints: Iterable<EndpointId>): void {
		for (const id of endpoints) this.#due.add(id);
	}

	/** Takes a turn if there is something to do in it, after the present one. */
	soon(): void {
		if (this.#stopped) return;
		if (this.#turning) {
			this.#turnAgain = true;
			return;
		}
		const claim = this.#toClaim();
		const probe = this.#options.toProbe();
		if (!this.#isWorthIt(claim.size + probe.length)) {
			if (this.#settled.length > 0) this.#settleSoon();
			return;
		}
		this.#count++;
		this.#turning = this.#take(this.#turn(claim, probe)).finally(() => {
			this.#turning = undefined;
			const again = this.#turnAgain;
			this.#turnAgain = false;
			if (again) this.soon();
		});
	}

	/** Something falls due by time alone. */
	lookIn(ms: number): void {
		if (this.#stopped) return;
		const waitMs = Math.max(ms, 1);
		const at = this.#options.clock.now() + waitMs;
		if (at >= this.#lookAt) return;
		this.#lookAt = at;
		this.#cancelLook?.();
		this.#cancelLook = this.#options.clock.after(waitMs, () => this.#look());
	}

	#isWorthIt(claiming: number): boolean {
		if (claiming + this.#putOff.length + this.#recovered.size > 0) return true;
		const settled = this.#settled.length;
		const isTime = settled >= SETTLE_TOGETHER || this.#settleNow || this.#options.isIdle();
		return settled > 0 && isTime;
	}

	#toClaim(): Map<EndpointId, number> {
		const claim = new Map<EndpointId, number>();
		let left = MAX_CLAIMED;
		for (const id of this.#due) {
			const room = Math.min(this.#options.roomOf(id), left);
			if (room === 0) continue;
			claim.set(id, room);
			left -= room;
			if (left === 0) break;
		}
		return claim;
	}

	#turn(claim: ReadonlyMap<EndpointId, number>, probe: readonly EndpointId[]): Turn {
		this.#cancelSettling?.();
		this.#cancelSettling = undefined;
		this.#settleNow = false;
		// Who is woken from now on counts for the next turn.
		for (const id of claim.keys()) this.#due.delete(id);
		const turn = {
			now: this.#options.clock.now(),
			leaseMs: LEASE_MS,
			settle: this.#settled,
			putOff: this.#putOff,
			hasten: [...this.#recovered],
			claim,
			probe,
		};
		this.#settled = [];
		this.#putOff = [];
		this.#recovered.clear();
		return turn;
	}

	async #take(turn: Turn): Promise<void> {
		const { queue, log, claimed, notProbed } = this.#options;
		try {
			const taken = await queue.turn(turn);
			this.#planLook(turn);
			for (const { destination, deliveries } of taken) {
				const wanted = turn.claim.get(destination.id);
				if (deliveries.length === wanted) this.#due.add(destination.id);
			}
			claimed(taken, turn.probe, this.#count);
			if (this.#putOff.length > 0 || this.#due.size > 0) this.#turnAgain = true;
		} catch (error) {
			log.error({ error: String(error) }, 'deliveries could not be claimed or settled');
			this.#settled.unshift(...turn.settle);
			this.#putOff.unshift(...turn.putOff);
			this.due(turn.claim.keys());
			for (const id of turn.hasten) this.#recovered.add(id);
			notProbed(turn.probe);
			this.lookIn(POLL_MS);
		}
	}

	#planLook({ now, putOff, settle }: Turn): void {
		for (const { dueAt } of putOff) {
			if (dueAt > now) this.lookIn(dueAt - now);
		}
		for (const { outcome } of settle) {
			if (outcome.status === 'retrying') this.lookIn(outcome.dueAt - now);
		}
	}

	#settleSoon(): void {
		this.#cancelSettling ??= this.#options.clock.after(SETTLE_WITHIN_MS, () => {
			this.#cancelSettling = undefined;
			this.#settleNow = true;
			this.soon();
		});
	}

	/** Finds what is due by time alone, or by what another process has done. */
	#look(): void {
		if (this.#stopped) return;
		const { queue, clock, log } = this.#options;
		this.#cancelLook?.();
		this.#lookAt = Infinity;
		queue.look(clock.now()).then(
			(due) => {
				this.lookIn(POLL_MS);
				this.due(due);
				this.soon();
			},
			(error: unknown) => {
				log.error({ error: String(error) }, 'due deliveries could not be looked for');
				this.lookIn(POLL_MS);
			},
		);
	}
}

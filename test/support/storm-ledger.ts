import type { EndpointId } from '../../engine/src/domain/ids.ts';
import { BLOCKING_ATTEMPTS, MAX_ATTEMPTS } from '../../engine/src/domain/retry-schedule.ts';

/** An endpoint as far as it makes a difference to what may be sent to it. */
export interface StormEndpoint {
	readonly id: EndpointId;
	readonly ordered: boolean;
	readonly maxAgeSeconds: number | null;
	readonly maxPerSecond: number | null;
}

/** An event's place among those of its chat. */
export interface Place {
	readonly chat: string;
	readonly sequence: number;
}

/**
 * What was sent in a storm of deliveries and what became of it, from the receivers' side. Notes what
 * should not have happened.
 */
export class StormLedger {
	readonly #endpoints: ReadonlyMap<EndpointId, StormEndpoint>;
	readonly #places: (Place & { readonly at: number })[] = [];
	/** By event and endpoint, as `keyOf` names them; so are the others. */
	readonly #sent = new Set<string>();
	readonly #accepted = new Set<string>();
	readonly #redelivered = new Set<string>();
	readonly #failures = new Map<string, number>();
	/** When requests began since the endpoint's pace was last forgotten. */
	readonly #paces = new Map<EndpointId, number[]>();
	readonly faults: string[] = [];

	constructor(endpoints: readonly StormEndpoint[]) {
		this.#endpoints = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
	}

	get count(): number {
		return this.#places.length;
	}

	appended(places: readonly Place[], at: number): void {
		this.#places.push(...places.map((place) => ({ ...place, at })));
	}

	redelivered(endpoint: EndpointId, place: Place): void {
		this.#redelivered.add(keyOf(endpoint, place));
	}

	/** Also what is not to be sent at all. */
	accepted(endpoint: EndpointId, place: Place): void {
		this.#accepted.add(keyOf(endpoint, place));
	}

	failed(endpoint: EndpointId, place: Place): void {
		const key = keyOf(endpoint, place);
		this.#failures.set(key, this.#failuresOf(key) + 1);
	}

	/** An endpoint may get as much at once as after a pause. */
	forgetPace(endpoint?: EndpointId): void {
		if (endpoint === undefined) this.#paces.clear();
		else this.#paces.delete(endpoint);
	}

	sent(id: EndpointId, place: Place, now: number): void {
		const endpoint = this.#endpoints.get(id)!;
		const key = keyOf(id, place);
		if (!this.#sent.has(key) && endpoint.ordered) this.#checkOrder(endpoint, place, now);
		this.#sent.add(key);
		this.#checkPace(endpoint, key, now);
		const isLate = this.#isTooOld(endpoint, place, now) && !this.#redelivered.has(key);
		if (isLate) this.faults.push(`${key} was sent though it was too old`);
	}

	/** Nothing is under way any more. What was `dropped`, and when, must have been too old then. */
	close(dropped: ReadonlyMap<string, number>): void {
		for (const endpoint of this.#endpoints.values()) {
			for (const place of this.#places) {
				const key = keyOf(endpoint.id, place);
				const failures = this.#failuresOf(key);
				if (this.#accepted.has(key) || failures >= MAX_ATTEMPTS) continue;
				if (this.#isTooOld(endpoint, place, dropped.get(key) ?? 0)) continue;
				this.faults.push(`${key} was never accepted, and failed only ${failures} times`);
			}
		}
	}

	#checkOrder(endpoint: StormEndpoint, { chat, sequence }: Place, now: number): void {
		for (const other of this.#places) {
			if (other.chat !== chat || other.sequence >= sequence) continue;
			const before = keyOf(endpoint.id, other);
			if (this.#accepted.has(before) || this.#failuresOf(before) >= BLOCKING_ATTEMPTS) continue;
			if (this.#isTooOld(endpoint, other, now)) continue;
			this.faults.push(`${keyOf(endpoint.id, { chat, sequence })} was sent ahead of ${before}`);
		}
	}

	/** As many at once as in a second, at least one, and from then on so many a second. */
	#checkPace({ id, maxPerSecond }: StormEndpoint, key: string, now: number): void {
		if (maxPerSecond === null) return;
		const times = this.#paces.get(id) ?? [];
		times.push(now);
		this.#paces.set(id, times);
		const isTooFast = times.some((since, index) => {
			const allowed = Math.max(1, maxPerSecond) + ((now - since) / 1_000) * maxPerSecond;
			return times.length - index > allowed + 0.001;
		});
		if (isTooFast) this.faults.push(`${key} was sent too soon after those before it`);
	}

	#isTooOld({ maxAgeSeconds }: StormEndpoint, { sequence }: Place, now: number): boolean {
		if (maxAgeSeconds === null) return false;
		const { at } = this.#places.find((place) => place.sequence === sequence)!;
		return now - at > maxAgeSeconds * 1_000;
	}

	#failuresOf(key: string): number {
		return this.#failures.get(key) ?? 0;
	}
}

export function keyOf(endpoint: EndpointId, { chat, sequence }: Place): string {
	return `${short(endpoint)} ${chat}${sequence}`;
}

export function short(endpoint: EndpointId): string {
	return endpoint.slice(-4);
}

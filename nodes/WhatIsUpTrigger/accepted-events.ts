import { createHash } from 'node:crypto';

/** Two months at more than three thousand events a day. All of them take about 17 MB. */
const MOST_ACCEPTED = 200_000;

/** 96 bits, which is ample for no two of so many ids to share them, and short beside an id. */
const DIGEST_BYTES = 12;

/**
 * The ids of the latest 200,000 events of one endpoint that were accepted in this n8n process, as
 * short digests. The oldest one makes room for the next.
 */
export class AcceptedEvents {
	readonly #digests = new Set<string>();
	/**
	 * Stands at the oldest one. A new iterator would first have to walk over the gaps that removed
	 * ones leave in a Set: 80 microseconds for each event, measured, instead of one.
	 */
	readonly #oldest = this.#digests.values();

	add(eventId: string): void {
		this.#digests.add(digestOf(eventId));
		if (this.#digests.size <= MOST_ACCEPTED) return;
		const { value, done } = this.#oldest.next();
		if (done !== true) this.#digests.delete(value);
	}

	has(eventId: string): boolean {
		return this.#digests.has(digestOf(eventId));
	}
}

/** Encoded in one go: a slice of a longer string would keep all of it in memory. */
function digestOf(eventId: string): string {
	return createHash('sha256').update(eventId).digest().toString('base64', 0, DIGEST_BYTES);
}

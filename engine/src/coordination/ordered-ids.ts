import { V7Generator } from 'uuidv7';
import type { IdSource } from '../app/ports.ts';
import type { Id, IdPrefix } from '../domain/ids.ts';

/** A clock that was further ahead is not followed: lists and replays by time would find nothing. */
const LONGEST_ROLLBACK_MS = 24 * 60 * 60_000;

/**
 * Names things in the order of their making, for events and deliveries go out in the order of their
 * ids. The clock may be set back, by up to a day: ids stay then at the time that they had, until
 * the clock has caught up.
 */
export class OrderedIds implements IdSource {
	readonly #generator = new V7Generator();

	constructor() {
		this.#generator.setRollbackAllowance(LONGEST_ROLLBACK_MS);
	}

	next<Prefix extends IdPrefix>(prefix: Prefix): Id<Prefix> {
		return `${prefix}_${this.#generator.generate().toString()}`;
	}

	/** What is named from now on comes after this id, which an earlier process may have given. */
	startAfter(id: Id<IdPrefix>): void {
		const uuid = id.slice(id.indexOf('_') + 1);
		// One later: the bits behind the time are chance.
		const time = Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16) + 1;
		if (time <= Date.now() + LONGEST_ROLLBACK_MS) this.#generator.generateOrResetWithTs(time);
	}
}

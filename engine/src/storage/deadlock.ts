/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const DEADLOCK_DETECTED = '40P01';

const MOST_TRIES = 5;

/**
 * Does `work`, a whole transaction, again when it was the one that Postgres has ended because two
 * waited for each other. The other one goes on then, so the next try finds the way free.
 */
export async function againAfterDeadlock<T>(work: () => Promise<T>): Promise<T> {
	for (let tries = 1; ; tries++) {
		try {
			return await work();
		} catch (error) {
			const { code } = error as { code?: unknown };
			if (code !== DEADLOCK_DETECTED || tries === MOST_TRIES) throw error;
		}
	}
}

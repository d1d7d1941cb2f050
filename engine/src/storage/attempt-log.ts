import type { Attempt } from '../app/ports.ts';

/**
 * The attempts of a delivery as one column: a line of JSON for each, oldest first, so that an
 * attempt is recorded by appending to the row that is written anyway. A log that grew too long
 * loses its beginning, which may cut a line in two.
 */
export function readAttemptLog(log: string): readonly Attempt[] {
	return wholeLines(log).map((line) => JSON.parse(line) as Attempt);
}

/** The same attempts without what the receiver answered. */
export function withoutResponses(log: string): string {
	return readAttemptLog(log)
		.map((attempt) => `${JSON.stringify({ ...attempt, response: null })}\n`)
		.join('');
}

/** Inside a line each quotation mark of a text is escaped, so only whole lines begin like this. */
function wholeLines(log: string): readonly string[] {
	return log.split('\n').filter((line) => line.startsWith('{"'));
}

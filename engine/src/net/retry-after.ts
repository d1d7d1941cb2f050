const SECONDS = /^\d{1,10}$/;
/** A date begins with its day: `Sun, 06 Nov 1994 08:49:37 GMT`. `Date.parse` alone takes `1`. */
const DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*[, ]/;

/**
 * How long a `Retry-After` header asks to wait, from `now`. Zero for a date that has passed,
 * undefined for what is neither seconds nor a date. How much of it to grant is decided elsewhere.
 */
export function parseRetryAfter(value: string, now: number): number | undefined {
	const text = value.trim();
	if (SECONDS.test(text)) return Number(text) * 1_000;
	const at = DATE.test(text) ? Date.parse(text) : NaN;
	return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

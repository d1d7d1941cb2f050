/**
 * A token bucket: so many at once, then so many per second. Pure: who holds one keeps its state.
 */
export interface TokenBucket {
	readonly tokens: number;
	/** When `tokens` was true, Unix milliseconds. */
	readonly at: number;
}

export interface BucketSize {
	readonly perSecond: number;
	/** The most it holds. */
	readonly burst: number;
}

/** The bucket with one token less, or how long to wait for that token. */
export function takeToken(
	bucket: TokenBucket | undefined,
	{ perSecond, burst }: BucketSize,
	now: number,
): { readonly bucket: TokenBucket; readonly waitMs: number } {
	const gained = bucket ? (Math.max(0, now - bucket.at) / 1_000) * perSecond : burst;
	const tokens = Math.min(burst, (bucket?.tokens ?? 0) + gained);
	return tokens >= 1
		? { bucket: { tokens: tokens - 1, at: now }, waitMs: 0 }
		: { bucket: { tokens, at: now }, waitMs: Math.ceil(((1 - tokens) / perSecond) * 1_000) };
}

const UNITS = [
	['day', 86_400_000],
	['hour', 3_600_000],
	['minute', 60_000],
	['second', 1_000],
] as const;

/** A length of time in its largest unit, for people: `3 hours`. Cut off, never rounded up. */
export function span(ms: number): string {
	const [name, unitMs] = UNITS.find(([, size]) => ms >= size) ?? UNITS[UNITS.length - 1]!;
	const count = Math.max(0, Math.floor(ms / unitMs));
	return count === 1 ? `1 ${name}` : `${count} ${name}s`;
}

/** An instant as JSON has it. */
export function instant(ms: number | null): string | null {
	return ms === null ? null : new Date(ms).toISOString();
}

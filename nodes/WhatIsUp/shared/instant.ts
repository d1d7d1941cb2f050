import { NodeOperationError, type IExecuteFunctions } from 'n8n-workflow';

/**
 * An instant out of one of n8n's date fields. They hold the time of the workflow's time zone and
 * do not say so ("2026-01-31T09:00:00"); expressions hand over instants that name their own, or
 * objects that turn into such a text. Undefined when it is no date.
 */
export function instantOf(given: unknown, timeZone: string): string | undefined {
	const text = (given instanceof Date ? given.toJSON() : String(given)).trim();
	if (/T.*(Z|[+-]\d\d:?\d\d)$/.test(text)) return toIso(Date.parse(text));

	const asIfUtc = Date.parse(`${/T/.test(text) ? text : `${text}T00:00:00`}Z`);
	if (Number.isNaN(asIfUtc)) return undefined;
	// Around a change of the clocks the first guess may fall on its other side.
	const guess = asIfUtc - offsetMs(asIfUtc, timeZone);
	return toIso(asIfUtc - offsetMs(guess, timeZone));
}

/** The same for a field that is about an item. Fails when it holds no date. */
export function instantIn(
	this: IExecuteFunctions,
	field: string,
	given: unknown,
	itemIndex: number,
): string {
	const found = instantOf(given, this.getTimezone());
	if (found !== undefined) return found;
	const message = given ? `"${String(given)}" in ${field} is not a date` : `${field} is empty`;
	throw new NodeOperationError(this.getNode(), message, {
		description: 'Write it like 2026-01-31 or 2026-01-31T09:00:00.',
		itemIndex,
	});
}

/** How far the clocks there are ahead of UTC at an instant. */
function offsetMs(instant: number, timeZone: string): number {
	const shown = new Intl.DateTimeFormat('en-US', {
		timeZone,
		hourCycle: 'h23',
		year: 'numeric',
		month: 'numeric',
		day: 'numeric',
		hour: 'numeric',
		minute: 'numeric',
		second: 'numeric',
	}).formatToParts(instant);
	const part = (type: string) => Number(shown.find((one) => one.type === type)?.value);
	const clock = Date.UTC(
		part('year'),
		part('month') - 1,
		part('day'),
		part('hour'),
		part('minute'),
		part('second'),
	);
	return clock - Math.floor(instant / 1000) * 1000;
}

function toIso(instant: number): string | undefined {
	return Number.isNaN(instant) ? undefined : new Date(instant).toISOString();
}

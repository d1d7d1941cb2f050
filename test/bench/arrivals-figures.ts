import type { SentMessage } from './arrivals-network-main.ts';
import type { Arrival } from './arrivals-receiver-main.ts';

/** What became of the messages of one load. */
export interface ArrivalFigures {
	readonly count: number;
	/** From the first hand-over to the last arrival. */
	readonly perSecond: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
	readonly lost: number;
	/** Messages that came as more than one event. */
	readonly doubled: number;
	/** Requests that brought an event which had been taken before; receivers drop them by its id. */
	readonly repeated: number;
	/** Messages that came after a later one of their chat. */
	readonly outOfOrder: number;
}

/** `arrivals` in the order in which they came. Of a message that came twice the first one counts. */
export function figuresOf(
	sent: readonly SentMessage[],
	arrivals: readonly Arrival[],
): ArrivalFigures {
	const first = new Map<string, Arrival>();
	const events = new Map<string, Set<string>>();
	for (const arrival of arrivals) {
		if (!first.has(arrival.text)) first.set(arrival.text, arrival);
		const known = events.get(arrival.text) ?? new Set();
		events.set(arrival.text, known.add(arrival.eventId ?? ''));
	}
	const came = sent.flatMap(({ text, sentAt }) => {
		const arrival = first.get(text);
		return arrival ? [{ sentAt, at: arrival.at }] : [];
	});
	const latencies = came.map(({ sentAt, at }) => at - sentAt).sort((a, b) => a - b);
	const firstAt = came.reduce((least, { sentAt }) => Math.min(least, sentAt), Infinity);
	const lastAt = came.reduce((most, { at }) => Math.max(most, at), 0);
	return {
		count: sent.length,
		perSecond: (came.length * 1_000) / (lastAt - firstAt),
		p50Ms: percentile(latencies, 0.5),
		p99Ms: percentile(latencies, 0.99),
		lost: sent.length - came.length,
		doubled: [...events.values()].filter((ids) => ids.size > 1).length,
		repeated: arrivals.length - [...events.values()].reduce((sum, ids) => sum + ids.size, 0),
		outOfOrder: countOutOfOrder(sent, first.keys()),
	};
}

/** The least value that so many of the sorted ones do not exceed. */
function percentile(sorted: readonly number[], part: number): number {
	return sorted[Math.ceil(sorted.length * part) - 1] ?? NaN;
}

function countOutOfOrder(sent: readonly SentMessage[], texts: Iterable<string>): number {
	const places = new Map(sent.map(({ text, chat }, index) => [text, { chat, index }]));
	const last = new Map<number, number>();
	let late = 0;
	for (const text of texts) {
		const place = places.get(text);
		if (!place) continue;
		const latest = last.get(place.chat) ?? -1;
		if (place.index < latest) late++;
		else last.set(place.chat, place.index);
	}
	return late;
}

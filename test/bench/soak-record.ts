import type { ReceivedWebhook, Receiver } from '../support/receiver.ts';

/** One request in this many is refused the first time, so that it has to be repeated. */
const REFUSED_ONE_IN = 33;

export interface ToldEvent {
	readonly event: string;
	readonly event_id: string;
	readonly instance_id: string;
	readonly sequence: number;
	readonly data: Record<string, unknown>;
}

/** Everything that the webhooks told, and how often. */
export class SoakRecord {
	readonly #receiver: Receiver;
	readonly #taken = new Set<string>();
	#requests = 0;
	refused = 0;
	/** Deliveries that came again after they had been taken. */
	repeatedAfterTaken = 0;
	/** Events that came with another content than the first time. */
	changed = 0;
	readonly events = new Map<string, ToldEvent>();
	readonly #bodies = new Map<string, string>();

	constructor(receiver: Receiver) {
		this.#receiver = receiver;
		receiver.answer = (webhook) => this.#answer(webhook);
	}

	get url(): string {
		return this.#receiver.url;
	}

	/** In the order of their sequence. */
	byInstance(): Map<string, ToldEvent[]> {
		const all = [...this.events.values()].sort((a, b) => a.sequence - b.sequence);
		return Map.groupBy(all, (event) => event.instance_id);
	}

	/** How many events told of each text. */
	texts(event: 'message.received' | 'message.sent'): Map<string, number> {
		const counts = new Map<string, number>();
		for (const told of this.events.values()) {
			if (told.event !== event) continue;
			const text =
				event === 'message.sent'
					? String(told.data['client_ref'])
					: (told.data['body'] as { text: string }).text;
			counts.set(text, (counts.get(text) ?? 0) + 1);
		}
		return counts;
	}

	#answer({ headers, body, json }: ReceivedWebhook): number {
		const event = json as ToldEvent;
		const first = this.#bodies.get(event.event_id) ?? body;
		this.#bodies.set(event.event_id, first);
		if (first !== body) this.changed++;
		this.events.set(event.event_id, event);
		this.#receiver.received.length = 0;

		const delivery = String(headers['x-whatisup-delivery-id']);
		if (this.#taken.has(delivery)) this.repeatedAfterTaken++;
		const isFirst = headers['x-whatisup-attempt'] === '1';
		if (isFirst && this.#requests++ % REFUSED_ONE_IN === REFUSED_ONE_IN - 1) {
			this.refused++;
			return 500;
		}
		this.#taken.add(delivery);
		return 200;
	}
}

import type { IDataObject } from 'n8n-workflow';
import { beginArrivals } from '../../../nodes/WhatIsUpTrigger/arrivals';
import type { ListeningN8n } from './listening-n8n';
import { signatureHeader } from './signing';

export const SECRET = 'whsec_c2VjcmV0IG9mIHRoaXMgdHJpZ2dlcg==';

export interface How {
	readonly secret?: string;
	readonly offset?: number;
	readonly header?: string;
	readonly eventIdHeader?: string;
}

/** Calls the trigger in the place of the engine: about one event, unless told otherwise. */
export class SignedCalls {
	readonly #n8n: ListeningN8n;
	/** One instant for a whole file, in Unix seconds: calls that are alike bear the same signature. */
	readonly #now = Math.floor(Date.now() / 1000);
	#count = 0;

	constructor(n8n: ListeningN8n) {
		this.#n8n = n8n;
	}

	/** Registers the trigger anew, with nothing received, and makes another event. */
	begin(): void {
		this.#count++;
		this.#n8n.runs.length = 0;
		this.#n8n.parameters = {};
		this.#n8n.leavesBodyUnread = false;
		this.#n8n.isTest = false;
		this.#n8n.startRun = async () => {};
		const { endpointId } = this;
		this.#n8n.storedStaticData = { endpointId, url: this.#n8n.url, secret: SECRET };
		beginArrivals(endpointId);
	}

	/** n8n has the memory of a process that was started a moment ago. */
	restartN8n(): void {
		beginArrivals(this.endpointId, this.#now - 30);
	}

	get endpointId(): string {
		return `wh_${this.#count}`;
	}

	get eventId(): string {
		return `evt_${this.#count}`;
	}

	/** The event of a message. */
	received(data: IDataObject = {}): IDataObject {
		return {
			event: 'message.received',
			event_id: this.eventId,
			api_version: '2026-04',
			instance_id: 'inst_1',
			occurred_at: '2026-01-01T12:00:00.000Z',
			sequence: 7,
			data: {
				message_id: 'msg_1',
				from: '5511999999999',
				push_name: 'João',
				chat_id: '5511999999999@s.whatsapp.net',
				from_me: false,
				body: { type: 'text', text: 'Hello' },
				...data,
			},
		};
	}

	eventOf(event: string, data: IDataObject): IDataObject {
		return { ...this.received(), event, data };
	}

	/** Calls with a good signature, made so many seconds from now; answers the status. */
	async deliver(body: IDataObject | string, offset = 0): Promise<number> {
		return (await this.post(body, { secret: SECRET, offset })).status;
	}

	async post(body: IDataObject | string, how: How): Promise<Response> {
		const raw = typeof body === 'string' ? body : JSON.stringify(body);
		const seconds = this.#now + (how.offset ?? 0);
		const isSigned = how.secret !== undefined || how.offset !== undefined;
		const secrets = [how.secret ?? SECRET];
		const header = how.header ?? (isSigned && signatureHeader(raw, secrets, seconds));
		return await fetch(this.#n8n.url, {
			method: 'POST',
			body: raw,
			headers: {
				'content-type': 'application/json',
				'x-whatisup-event-id': how.eventIdHeader ?? this.eventId,
				...(header && { 'x-whatisup-signature': header }),
			},
		});
	}
}

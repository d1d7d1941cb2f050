import { API_VERSION } from '../domain/events.ts';
import type { EndpointId, EventId } from '../domain/ids.ts';
import type { Endpoint, IdSource, WebhookRequest } from './ports.ts';
import { webhookHeaders } from './webhook-headers.ts';

export interface TestRequestOptions {
	readonly endpoint: Pick<Endpoint, 'id' | 'url' | 'mode'>;
	/** Those that sign now, newest first. */
	readonly secrets: readonly string[];
	readonly ids: IdSource;
	/** Unix milliseconds. */
	readonly now: number;
	readonly userAgent: string;
	/** The request that asked for the test. */
	readonly correlationId?: string | undefined;
}

export interface TestRequest {
	readonly eventId: EventId;
	readonly request: WebhookRequest;
}

/** In no catalogue: nobody subscribes to it, and it is stored nowhere. */
export const TEST_EVENT = 'webhook.test';

const MESSAGE = 'This is a test. An answer with a status of 200 to 299 means that it arrived.';

const BODY = new TextEncoder();

/** An event that never happened, in a request like every other, both signatures included. */
export function testRequest(options: TestRequestOptions): TestRequest {
	const { endpoint, secrets, ids, now, userAgent, correlationId = null } = options;
	const { id: endpointId, url, mode } = endpoint;
	const eventId = ids.next('evt');
	const body = BODY.encode(testEnvelope(endpointId, eventId, now));
	const headers = webhookHeaders({
		userAgent,
		secrets,
		event: TEST_EVENT,
		eventId,
		endpointId,
		deliveryId: ids.next('dlv'),
		attempt: 1,
		correlationId,
		nowSeconds: Math.floor(now / 1_000),
		body,
	});
	return { eventId, request: { url, mode, headers, body } };
}

/** The envelope of every other event, about no instance and in no sequence. */
function testEnvelope(endpointId: EndpointId, eventId: EventId, now: number): string {
	return JSON.stringify({
		event: TEST_EVENT,
		event_id: eventId,
		api_version: API_VERSION,
		instance_id: null,
		occurred_at: new Date(now).toISOString(),
		sequence: null,
		data: { endpoint_id: endpointId, message: MESSAGE },
	});
}

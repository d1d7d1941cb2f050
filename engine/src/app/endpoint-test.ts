import { EngineError } from '../domain/errors.ts';
import type { EndpointId, EventId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Cause } from './pairing-links.ts';
import type { Clock, EndpointStore, IdSource, WebhookClient, WebhookResult } from './ports.ts';
import { errorOf, hintFor } from './receiver-advice.ts';
import { testRequest } from './test-request.ts';

export interface EndpointTestOptions {
	readonly endpoints: EndpointStore;
	readonly client: WebhookClient;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly userAgent: string;
}

export interface TestOutcome {
	/** Whether the receiver answered with a status of 200 to 299. */
	readonly delivered: boolean;
	readonly eventId: EventId;
	readonly result: WebhookResult;
	/** What went wrong, and what to do about it; both `null` when it was delivered. */
	readonly error: string | null;
	readonly hint: string | null;
}

/**
 * Sends an endpoint an event that never happened, at once, and tells how it went. It looks like
 * every other webhook, both signatures included. Nothing of it is kept, and it counts neither for
 * nor against the endpoint, which may be a disabled one.
 */
export class EndpointTest {
	readonly #options: EndpointTestOptions;

	constructor(options: EndpointTestOptions) {
		this.#options = options;
	}

	async run(scope: Scope, id: EndpointId, cause: Cause = {}): Promise<TestOutcome> {
		const { endpoints, client, ids, clock, userAgent } = this.#options;
		const endpoint = await endpoints.find(scope, id);
		if (!endpoint) throw new EngineError('endpoint_not_found');
		const now = clock.now();
		const secrets = await endpoints.signingSecrets(id, now);
		const { correlationId } = cause;
		const { eventId, request } = testRequest({
			endpoint,
			secrets,
			ids,
			now,
			userAgent,
			correlationId,
		});
		const result = await client.send(request);
		const error = errorOf(result);
		const hint = error === null ? null : hintFor(result, endpoint.url);
		return { delivered: error === null, eventId, result, error, hint };
	}
}

import { randomBytes } from 'node:crypto';
import { EngineError } from '../domain/errors.ts';
import type { EventName } from '../domain/events.ts';
import type { EndpointId, InstanceId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { newSigningSecret } from '../domain/signature.ts';
import type {
	Clock,
	Endpoint,
	EndpointStore,
	IdSource,
	InstanceStore,
	Page,
	UrlGuard,
} from './ports.ts';

export interface EndpointsOptions {
	readonly endpoints: EndpointStore;
	readonly instances: InstanceStore;
	readonly guard: UrlGuard;
	readonly ids: IdSource;
	readonly clock: Clock;
}

export interface NewEndpoint {
	readonly url: string;
	readonly events: readonly EventName[];
	readonly instanceId?: InstanceId | undefined;
	readonly signingSecret?: string | undefined;
	readonly enabled?: boolean | undefined;
}

const SECRET_BYTES = 32;

/** Webhook endpoints: where events go, and the secret that proves whom they come from. */
export class Endpoints {
	readonly #options: EndpointsOptions;

	constructor(options: EndpointsOptions) {
		this.#options = options;
	}

	/** Answers the signing secret as well: the only time that it is shown. */
	async create(
		scope: Scope,
		{ url, events, instanceId, signingSecret, enabled = true }: NewEndpoint,
	): Promise<{ endpoint: Endpoint; signingSecret: string }> {
		const { endpoints, instances, guard, ids, clock } = this.#options;
		if (instanceId && !(await instances.find(scope, instanceId))) {
			throw new EngineError('instance_not_found');
		}
		const verdict = await guard.check(url, scope.mode);
		if (!verdict.ok) {
			throw new EngineError('url_not_allowed', { reason: verdict.reason }, { hint: verdict.hint });
		}
		const now = clock.now();
		const endpoint: Endpoint = {
			id: ids.next('wh'),
			...scope,
			instanceId: instanceId ?? null,
			url,
			events: [...new Set(events)],
			enabled,
			hasCustomSigningSecret: signingSecret !== undefined,
			createdAt: now,
			updatedAt: now,
		};
		const secret = signingSecret ?? newSigningSecret(randomBytes(SECRET_BYTES));
		await endpoints.add(endpoint, secret);
		return { endpoint, signingSecret: secret };
	}

	list(scope: Scope, page: Page): Promise<Endpoint[]> {
		return this.#options.endpoints.list(scope, page);
	}

	async get(scope: Scope, id: EndpointId): Promise<Endpoint> {
		const endpoint = await this.#options.endpoints.find(scope, id);
		if (!endpoint) throw new EngineError('endpoint_not_found');
		return endpoint;
	}

	async remove(scope: Scope, id: EndpointId): Promise<void> {
		await this.get(scope, id);
		await this.#options.endpoints.remove(id, this.#options.clock.now());
	}
}

import { randomBytes } from 'node:crypto';
import { EngineError } from '../domain/errors.ts';
import type { EndpointId, InstanceId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { newSigningSecret } from '../domain/signature.ts';
import { DEFAULT_FILTERS, type EventChoice, type EventFilters } from '../domain/subscription.ts';
import type { Cause } from './pairing-links.ts';
import type {
	Circuit,
	Clock,
	Dispatching,
	Endpoint,
	EndpointSettings,
	IdSource,
	Page,
	Storage,
	Stores,
	UrlGuard,
} from './ports.ts';

export interface EndpointsOptions {
	readonly storage: Storage;
	readonly guard: UrlGuard;
	readonly dispatching: Dispatching;
	readonly ids: IdSource;
	readonly clock: Clock;
}

/** What callers may set. A field that is left out keeps its value, or gets the default. */
export interface EndpointInput {
	readonly description?: string | null | undefined;
	readonly url?: string | undefined;
	readonly events?: readonly EventChoice[] | undefined;
	/** Empty: every instance. */
	readonly instanceIds?: readonly InstanceId[] | undefined;
	readonly filters?: { readonly [Field in keyof EventFilters]?: EventFilters[Field] | undefined };
	readonly ordered?: boolean | undefined;
	readonly maxAgeSeconds?: number | null | undefined;
	readonly maxPerSecond?: number | null | undefined;
	readonly enabled?: boolean | undefined;
}

export interface NewEndpoint extends EndpointInput {
	readonly url: string;
	readonly events: readonly EventChoice[];
	readonly signingSecret?: string | undefined;
}

export interface Rotation {
	/** By default the engine makes one. */
	readonly signingSecret?: string | undefined;
	/** How long the present secret goes on signing beside the new one. */
	readonly overlapSeconds: number;
}

/** An endpoint with its signing secret: the only time that it is shown. */
export interface RevealedEndpoint {
	readonly endpoint: Endpoint;
	readonly signingSecret: string;
}

/** As the audit log names it; the endpoint's id comes to the details by itself. */
interface Act {
	readonly action: string;
	readonly details?: Readonly<Record<string, unknown>>;
}

const SECRET_BYTES = 32;

const DEFAULT_SETTINGS: Omit<EndpointSettings, 'url' | 'events'> = {
	description: null,
	instanceIds: [],
	filters: DEFAULT_FILTERS,
	ordered: true,
	maxAgeSeconds: null,
	maxPerSecond: null,
};

/** Webhook endpoints: where events go, and the secret that proves whom they come from. */
export class Endpoints {
	readonly #options: EndpointsOptions;

	constructor(options: EndpointsOptions) {
		this.#options = options;
	}

	async create(scope: Scope, input: NewEndpoint, cause: Cause = {}): Promise<RevealedEndpoint> {
		const { storage, ids, clock } = this.#options;
		const { url, enabled = true, signingSecret = madeSecret() } = input;
		const settings = settled({ ...DEFAULT_SETTINGS, url, events: [] }, input);
		await this.#guard(url, scope);
		const now = clock.now();
		const endpoint: Endpoint = {
			id: ids.next('wh'),
			...scope,
			...settings,
			enabled,
			disabledReason: enabled ? null : 'by_user',
			disabledAt: enabled ? null : now,
			failingSince: null,
			workedUntil: null,
			hasCustomSigningSecret: input.signingSecret !== undefined,
			secretRotatedAt: null,
			previousSecretUntil: null,
			deleteAt: null,
			createdAt: now,
			updatedAt: now,
		};
		await storage.transaction(async (stores) => {
			await checkInstances(stores, scope, settings.instanceIds);
			await stores.endpoints.add(endpoint, signingSecret);
			await this.#audit(stores, endpoint, cause, { action: 'endpoint.created' });
		});
		return { endpoint, signingSecret };
	}

	list(scope: Scope, page: Page): Promise<Endpoint[]> {
		return this.#options.storage.endpoints.list(scope, page);
	}

	get(scope: Scope, id: EndpointId): Promise<Endpoint> {
		return found(this.#options.storage, scope, id);
	}

	/** How sending to it goes just now. */
	circuit(id: EndpointId): Circuit {
		return this.#options.dispatching.circuit(id);
	}

	/**
	 * What is given as it already is counts as no change. Whoever gives anything wants the endpoint:
	 * its deletion is called off.
	 */
	async change(
		scope: Scope,
		id: EndpointId,
		input: EndpointInput,
		cause: Cause = {},
	): Promise<Endpoint> {
		const { storage, dispatching, clock } = this.#options;
		await this.get(scope, id);
		if (input.url !== undefined) await this.#guard(input.url, scope);
		const { endpoint, startsAfresh } = await storage.transaction(async (stores) => {
			await stores.endpoints.hold(id);
			const before = await found(stores, scope, id);
			const change = difference(before, settled(before, input));
			const isCalledOff = before.deleteAt !== null && !isEmpty(input);
			const fields = [...Object.keys(change), ...(isCalledOff ? ['deleteAt'] : [])];
			if (fields.length > 0) {
				const known = new Set(before.instanceIds);
				const added = (change.instanceIds ?? []).filter((instanceId) => !known.has(instanceId));
				await checkInstances(stores, scope, added);
				await stores.endpoints.change(id, change, clock.now());
				if (isCalledOff) await stores.endpoints.setDeleteAt(id, null, clock.now());
				const details = { changed: fields };
				await this.#audit(stores, before, cause, { action: 'endpoint.updated', details });
			}
			if (change.url !== undefined) await this.#startAfresh(stores, before);
			const enabled = input.enabled === true && (await this.#enable(stores, before, cause));
			const disabled = input.enabled === false && (await this.#disable(stores, before, cause));
			return {
				endpoint: await found(stores, scope, id),
				startsAfresh: enabled || disabled || change.url !== undefined,
			};
		});
		if (startsAfresh) dispatching.reset(id);
		else dispatching.wake([id]);
		return endpoint;
	}

	enable(scope: Scope, id: EndpointId, cause: Cause = {}): Promise<Endpoint> {
		return this.change(scope, id, { enabled: true }, cause);
	}

	disable(scope: Scope, id: EndpointId, cause: Cause = {}): Promise<Endpoint> {
		return this.change(scope, id, { enabled: false }, cause);
	}

	/** Until the overlap is over, old and new secret sign side by side. */
	async rotateSecret(
		scope: Scope,
		id: EndpointId,
		rotation: Rotation,
		cause: Cause = {},
	): Promise<RevealedEndpoint> {
		const { storage, dispatching, clock } = this.#options;
		const { signingSecret = madeSecret(), overlapSeconds } = rotation;
		const isCustom = rotation.signingSecret !== undefined;
		const endpoint = await storage.transaction(async (stores) => {
			const before = await found(stores, scope, id);
			const now = clock.now();
			const previousUntil = now + overlapSeconds * 1_000;
			const secret = { secret: signingSecret, isCustom, previousUntil };
			await stores.endpoints.rotateSecret(id, secret, now);
			const details = { overlap_seconds: overlapSeconds };
			await this.#audit(stores, before, cause, { action: 'endpoint.secret_rotated', details });
			return found(stores, scope, id);
		});
		dispatching.reset(id);
		return { endpoint, signingSecret };
	}

	async remove(scope: Scope, id: EndpointId, cause: Cause = {}): Promise<void> {
		const { storage, dispatching, clock } = this.#options;
		await storage.transaction(async (stores) => {
			const endpoint = await found(stores, scope, id);
			await stores.endpoints.remove(id, clock.now());
			await this.#audit(stores, endpoint, cause, { action: 'endpoint.deleted' });
		});
		dispatching.reset(id);
	}

	/**
	 * Has it deleted `seconds` from now. Until then it goes on receiving, and any change calls the
	 * deletion off: for those who remove an endpoint and may want it back in a moment.
	 */
	async removeAfter(
		scope: Scope,
		id: EndpointId,
		seconds: number,
		cause: Cause = {},
	): Promise<void> {
		const { storage, clock } = this.#options;
		await storage.transaction(async (stores) => {
			const endpoint = await found(stores, scope, id);
			const now = clock.now();
			await stores.endpoints.setDeleteAt(id, now + seconds * 1_000, now);
			const details = { changed: ['deleteAt'] };
			await this.#audit(stores, endpoint, cause, { action: 'endpoint.updated', details });
		});
	}

	async #enable(stores: Stores, endpoint: Endpoint, cause: Cause): Promise<boolean> {
		const isChanged = await stores.endpoints.enable(endpoint.id, this.#options.clock.now());
		if (!isChanged) return false;
		await this.#startAfresh(stores, endpoint);
		await this.#audit(stores, endpoint, cause, { action: 'endpoint.enabled' });
		return true;
	}

	/** Days of failing before now do not count against it, and what is planned for later goes now. */
	async #startAfresh({ endpoints, deliveries }: Stores, endpoint: Endpoint): Promise<void> {
		const { id, failingSince, workedUntil } = endpoint;
		if (failingSince !== null) await endpoints.noteHealth(id, { failingSince: null, workedUntil });
		await deliveries.bringForward(id, this.#options.clock.now());
	}

	async #disable(stores: Stores, endpoint: Endpoint, cause: Cause): Promise<boolean> {
		const at = this.#options.clock.now();
		if (!(await stores.endpoints.disable(endpoint.id, 'by_user', at))) return false;
		const details = { reason: 'by_user' };
		await this.#audit(stores, endpoint, cause, { action: 'endpoint.disabled', details });
		return true;
	}

	async #guard(url: string, { mode }: Scope): Promise<void> {
		const verdict = await this.#options.guard.check(url, mode);
		if (verdict.ok) return;
		throw new EngineError('url_not_allowed', { reason: verdict.reason }, { hint: verdict.hint });
	}

	/** In the transaction of what it tells of. */
	async #audit(
		stores: Stores,
		{ id, customerId }: Endpoint,
		{ correlationId }: Cause,
		{ action, details }: Act,
	): Promise<void> {
		const { ids, clock } = this.#options;
		await stores.audit.add({
			id: ids.next('aud'),
			customerId,
			instanceId: null,
			action,
			details: { endpoint_id: id, ...details },
			at: clock.now(),
			correlationId: correlationId ?? null,
		});
	}
}

async function found(
	{ endpoints }: Pick<Stores, 'endpoints'>,
	scope: Scope,
	id: EndpointId,
): Promise<Endpoint> {
	const endpoint = await endpoints.find(scope, id);
	if (!endpoint) throw new EngineError('endpoint_not_found');
	return endpoint;
}

async function checkInstances(
	{ instances }: Stores,
	scope: Scope,
	ids: readonly InstanceId[],
): Promise<void> {
	for (const id of ids) {
		if (!(await instances.find(scope, id))) {
			throw new EngineError('instance_not_found', { instance_id: id });
		}
	}
}

function settled(present: EndpointSettings, input: EndpointInput): EndpointSettings {
	const { events, instanceIds, filters, ...rest } = input;
	const { description, url, ordered, maxAgeSeconds, maxPerSecond } = { ...present, ...given(rest) };
	return {
		description,
		url,
		events: events ? withoutRepeats(events) : present.events,
		instanceIds: instanceIds ? [...new Set(instanceIds)] : present.instanceIds,
		filters: { ...present.filters, ...given(filters ?? {}) },
		ordered,
		maxAgeSeconds,
		maxPerSecond,
	};
}

function given<T extends object>(fields: T): Given<T> {
	const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
	return Object.fromEntries(entries) as Given<T>;
}

type Given<T> = { [Field in keyof T]?: Exclude<T[Field], undefined> };

function isEmpty({ filters, ...rest }: EndpointInput): boolean {
	return Object.keys({ ...given(rest), ...given(filters ?? {}) }).length === 0;
}

/** All events include those that are named beside them. */
function withoutRepeats(events: readonly EventChoice[]): readonly EventChoice[] {
	return events.includes('*') ? ['*'] : [...new Set(events)];
}

function difference(before: EndpointSettings, after: EndpointSettings): Partial<EndpointSettings> {
	const fields = Object.keys(after) as (keyof EndpointSettings)[];
	const changed = fields.filter(
		(field) => JSON.stringify(after[field]) !== JSON.stringify(before[field]),
	);
	return Object.fromEntries(changed.map((field) => [field, after[field]]));
}

function madeSecret(): string {
	return newSigningSecret(randomBytes(SECRET_BYTES));
}

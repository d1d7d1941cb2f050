import type { DisabledReason } from '../domain/events.ts';
import type { Outlet } from './outlet.ts';
import type { Appended, Clock, IdSource, Log, Storage } from './ports.ts';

export interface EndpointHealthOptions {
	readonly storage: Storage;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
	/** These endpoints have something to receive. */
	readonly announce: (appended: Appended) => void;
}

/** Nothing but failures for so long, and the endpoint is disabled. */
export const DISABLED_AFTER_MS = 5 * 24 * 60 * 60_000;

/**
 * An engine that was off does not know how the endpoint did meanwhile. It sees for itself first: after
 * a start, receivers of the same machine may be slower to be there.
 */
const SEEN_FAILING_MS = 60 * 60_000;

/** More than one delivery makes: a message a week that fails does not end its endpoint. */
const DISABLING_FAILURES = 10;

/**
 * Keeps account of whether an endpoint works, written down only when that changes, and disables
 * one that does not: at once when its receiver says it is gone, after five days when all it does
 * is fail. The customer's other endpoints are told.
 */
export class EndpointHealthKeeper {
	readonly #options: EndpointHealthOptions;

	constructor(options: EndpointHealthOptions) {
		this.#options = options;
	}

	async succeeded(outlet: Outlet, now: number): Promise<void> {
		outlet.lastSuccessAt = now;
		outlet.seenFailingSince = null;
		if (outlet.health.failingSince === null) return;
		outlet.health = { ...outlet.health, failingSince: null };
		await this.#options.storage.endpoints.noteHealth(outlet.id, outlet.health);
	}

	/** Answers whether the endpoint was disabled for it. */
	async failed(outlet: Outlet, now: number): Promise<boolean> {
		const { failingSince } = outlet.health;
		outlet.seenFailingSince ??= now;
		if (failingSince === null) {
			await this.#beginsToFail(outlet, now);
			return false;
		}
		const isHopeless =
			now - failingSince >= DISABLED_AFTER_MS &&
			now - outlet.seenFailingSince >= SEEN_FAILING_MS &&
			outlet.circuit.consecutiveFailures >= DISABLING_FAILURES;
		if (isHopeless) await this.disable(outlet, 'failing');
		return isHopeless;
	}

	async #beginsToFail(outlet: Outlet, now: number): Promise<void> {
		const health = { ...outlet.health, failingSince: now };
		outlet.health = health;
		const workedUntil = outlet.lastSuccessAt ?? (await this.#lastSuccessOf(outlet));
		// It may work again by now.
		if (outlet.health !== health) return;
		outlet.health = { ...health, workedUntil: workedUntil ?? health.workedUntil };
		await this.#options.storage.endpoints.noteHealth(outlet.id, outlet.health);
	}

	/** As the log of deliveries has it: an engine knows of no success before its start. */
	async #lastSuccessOf({ id: endpointId, destination }: Outlet): Promise<number | null> {
		const { deliveries } = await this.#options.storage.deliveries.list(
			destination,
			{ endpointId, status: 'success' },
			{ limit: 1 },
		);
		return deliveries[0]?.deliveredAt ?? null;
	}

	async disable(outlet: Outlet, reason: Exclude<DisabledReason, 'by_user'>): Promise<void> {
		const { storage, ids, clock, log, announce } = this.#options;
		const { id, health } = outlet;
		const { customerId, mode } = outlet.destination;
		const at = clock.now();
		const appended = await storage.transaction(async (stores) => {
			if (!(await stores.endpoints.disable(id, reason, at))) return [];
			await stores.audit.add({
				id: ids.next('aud'),
				customerId,
				instanceId: null,
				action: 'endpoint.disabled',
				details: { endpoint_id: id, reason },
				at,
				correlationId: null,
			});
			const { failingSince } = health;
			return stores.events.appendForCustomer(
				{ customerId, mode },
				{
					event: 'endpoint.disabled',
					occurredAt: at,
					data: {
						endpoint_id: id,
						reason,
						failing_since: failingSince === null ? null : new Date(failingSince).toISOString(),
					},
				},
				at,
			);
		});
		log.warn({ endpoint_id: id, reason }, 'a webhook endpoint was disabled');
		announce(appended);
	}
}

import { EngineError } from '../domain/errors.ts';
import type { DeliveryId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type {
	Attempt,
	Clock,
	Delivery,
	DeliveryFilter,
	DeliveryPage,
	Dispatching,
	IdSource,
	Page,
	Storage,
} from './ports.ts';

export interface DeliveriesOptions {
	readonly storage: Storage;
	readonly dispatching: Pick<Dispatching, 'wake'>;
	readonly ids: IdSource;
	readonly clock: Clock;
}

/** The log of deliveries, for those who look into it and those who want one sent again. */
export class Deliveries {
	readonly #options: DeliveriesOptions;

	constructor(options: DeliveriesOptions) {
		this.#options = options;
	}

	/** The deliveries of a deleted endpoint are still there; one that never was is not found. */
	async list(scope: Scope, filter: DeliveryFilter, page: Page): Promise<DeliveryPage> {
		const { instances, endpoints, deliveries } = this.#options.storage;
		const { instanceId, endpointId } = filter;
		if (instanceId && !(await instances.find(scope, instanceId))) {
			throw new EngineError('instance_not_found');
		}
		const found = await deliveries.list(scope, filter, page);
		const isEmpty = found.deliveries.length === 0 && found.next === undefined;
		if (endpointId && isEmpty && !(await endpoints.find(scope, endpointId))) {
			throw new EngineError('endpoint_not_found');
		}
		return found;
	}

	async get(scope: Scope, id: DeliveryId): Promise<Delivery> {
		const delivery = await this.#options.storage.deliveries.find(scope, id);
		if (!delivery) throw new EngineError('delivery_not_found');
		return delivery;
	}

	async attempts(scope: Scope, id: DeliveryId): Promise<readonly Attempt[]> {
		await this.get(scope, id);
		return this.#options.storage.deliveries.attempts(id);
	}

	/**
	 * Sends a settled delivery again, under the same event id, and a planned retry at once. What is
	 * on its way stays as it is.
	 */
	async redeliver(scope: Scope, id: DeliveryId, correlationId: string): Promise<Delivery> {
		const { storage, dispatching, ids, clock } = this.#options;
		const delivery = await this.get(scope, id);
		const { endpointId } = delivery;
		const endpoint = await storage.endpoints.find(scope, endpointId);
		if (!endpoint) throw new EngineError('endpoint_not_found');
		if (!endpoint.enabled) throw new EngineError('endpoint_disabled');
		if (delivery.payload === null) throw new EngineError('payload_expired');

		const at = clock.now();
		const due = await storage.transaction(async (stores) => {
			const made = await stores.deliveries.redeliver([id], at);
			if (made.length === 0) return made;
			await stores.audit.add({
				id: ids.next('aud'),
				customerId: scope.customerId,
				instanceId: delivery.instanceId,
				action: 'delivery.redelivered',
				details: { delivery_id: id, endpoint_id: endpointId, event_id: delivery.eventId },
				at,
				correlationId,
			});
			return made;
		});
		if (due.length > 0) dispatching.wake([endpointId]);
		return this.get(scope, id);
	}
}

import { EngineError } from '../domain/errors.ts';
import type { DeliveryId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Delivery, DeliveryFilter, DeliveryStore, InstanceStore, Page } from './ports.ts';

/** The log of deliveries, for those who look into it. */
export class Deliveries {
	readonly #deliveries: DeliveryStore;
	readonly #instances: InstanceStore;

	constructor(deliveries: DeliveryStore, instances: InstanceStore) {
		this.#deliveries = deliveries;
		this.#instances = instances;
	}

	async list(scope: Scope, filter: DeliveryFilter, page: Page): Promise<Delivery[]> {
		if (filter.instanceId && !(await this.#instances.find(scope, filter.instanceId))) {
			throw new EngineError('instance_not_found');
		}
		return this.#deliveries.list(scope, filter, page);
	}

	async get(scope: Scope, id: DeliveryId): Promise<Delivery> {
		const delivery = await this.#deliveries.find(scope, id);
		if (!delivery) throw new EngineError('delivery_not_found');
		return delivery;
	}
}

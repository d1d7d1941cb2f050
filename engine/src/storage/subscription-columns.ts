import type { Selectable } from 'kysely';
import type { InstanceId } from '../domain/ids.ts';
import type { EventChoice, EventFilters, Subscription } from '../domain/subscription.ts';
import type { WebhookEndpointsTable } from './schema.ts';

export type SubscriptionColumns = Pick<
	Selectable<WebhookEndpointsTable>,
	'events' | 'instance_ids' | 'filters'
>;

/** What an endpoint asks for, out of the columns that hold it as JSON. */
export function toSubscription(row: SubscriptionColumns): Subscription {
	return {
		events: JSON.parse(row.events) as EventChoice[],
		instanceIds: JSON.parse(row.instance_ids) as InstanceId[],
		filters: JSON.parse(row.filters) as EventFilters,
	};
}

export function toSubscriptionColumns(subscription: Partial<Subscription>) {
	const { events, instanceIds, filters } = subscription;
	return {
		...(events && { events: JSON.stringify(events) }),
		...(instanceIds && { instance_ids: JSON.stringify(instanceIds) }),
		...(filters && { filters: JSON.stringify(filters) }),
	};
}

import { createHash } from 'node:crypto';
import { NodeOperationError, type IDataObject, type IHookFunctions } from 'n8n-workflow';
import { eventFiltersOf } from '../WhatIsUp/shared/event-filters';
import { eventsIn } from '../WhatIsUp/shared/events';
import { instancesIn, textOf } from '../WhatIsUp/shared/fields';

/** The endpoint that a trigger needs, as its settings and n8n's URL for it make it. */
export interface WantedEndpoint {
	readonly url: string;
	readonly events: readonly string[];
	/** Empty: every instance. */
	readonly instanceIds: readonly string[];
	/** What else the engine is asked for, under the names of its API. */
	readonly rest: IDataObject;
}

/** The longest description that a list of endpoints can show in one line. */
const MOST_DESCRIPTION = 120;

/** Reads the settings of the node. Fails when something has not been chosen. */
export function wantedEndpoint(this: IHookFunctions): WantedEndpoint {
	const options = this.getNodeParameter('options', {}) as IDataObject;
	const filters = {
		chats: this.getNodeParameter('chats', 'all'),
		ignoreFromMe: this.getNodeParameter('ignoreFromMe', false),
		ignoreNewsletters: true,
		ignoreStatuses: true,
		maxAge: 0,
		maxPerSecond: 0,
		ordered: true,
		...options,
	};
	return {
		url: webhookUrl.call(this),
		events: chosenEvents.call(this),
		instanceIds: chosenInstances.call(this),
		rest: { description: descriptionOf.call(this), ...eventFiltersOf(filters) },
	};
}

/** Changes when anything does that the engine has to know. */
export function fingerprintOf({ url, events, instanceIds, rest }: WantedEndpoint): string {
	const facts = [url, [...events].sort(), [...instanceIds].sort(), Object.entries(rest).sort()];
	return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** Whether an endpoint that the engine has is as wanted, as far as the engine tells. */
export function isAsWanted(
	endpoint: IDataObject,
	{ url, events, instanceIds, rest }: WantedEndpoint,
): boolean {
	const { enabled, delete_at: deleteAt, instance_id: only, instance_ids: several } = endpoint;
	const chats = endpoint.chat_type_filter ?? rest.chat_type_filter;
	const registered = Array.isArray(several) ? several : [only].filter(Boolean);
	return (
		enabled !== false &&
		(deleteAt ?? null) === null &&
		endpoint.url === url &&
		chats === rest.chat_type_filter &&
		isSameSet(endpoint.events, events) &&
		isSameSet(registered, instanceIds)
	);
}

function isSameSet(registered: unknown, wanted: readonly string[]): boolean {
	return (
		Array.isArray(registered) &&
		registered.length === wanted.length &&
		wanted.every((one) => registered.includes(one))
	);
}

/** Under which name the endpoint stands in lists. */
function descriptionOf(this: IHookFunctions): string {
	const { name } = this.getWorkflow();
	const suffix = this.getMode() === 'manual' ? ' (test)' : '';
	const words = [...`n8n: ${textOf(name) || 'workflow'}`].slice(0, MOST_DESCRIPTION).join('');
	return words + suffix;
}

function webhookUrl(this: IHookFunctions): string {
	const url = this.getNodeWebhookUrl('default');
	if (url === undefined) {
		throw new NodeOperationError(this.getNode(), 'n8n gave this trigger no webhook URL');
	}
	return url;
}

function chosenEvents(this: IHookFunctions): string[] {
	const events = eventsIn(this.getNodeParameter('events'));
	if (events.length === 0) {
		throw new NodeOperationError(this.getNode(), 'No event is chosen', {
			description: 'Choose at least one event that shall start the workflow.',
		});
	}
	return events;
}

/** The instances to listen to; none for all of them. */
function chosenInstances(this: IHookFunctions): string[] {
	const listenTo = this.getNodeParameter('listenTo');
	if (listenTo === 'allInstances') return [];
	const chosen =
		listenTo === 'someInstances'
			? this.getNodeParameter('instances', [])
			: this.getNodeParameter('instance', '', { extractValue: true });
	const instances = instancesIn(chosen);
	if (instances.length === 0) throw new NodeOperationError(this.getNode(), 'No instance is chosen');
	return instances;
}

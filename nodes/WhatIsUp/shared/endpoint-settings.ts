import {
	NodeOperationError,
	type IDataObject,
	type IExecuteFunctions,
	type INodeProperties,
} from 'n8n-workflow';
import { someOrAll } from './added-field';
import {
	chatsField,
	eventFiltersOf,
	ignoreNewslettersField,
	ignoreStatusesField,
	maxCallsField,
	maximumAgeField,
	orderedField,
} from './event-filters';
import { eventsIn, SUBSCRIBABLE } from './events';
import { instancesField, instancesIn, textOf } from './fields';

export const urlField: INodeProperties = {
	displayName: 'URL',
	name: 'url',
	type: 'string',
	default: '',
	placeholder: 'e.g. https://example.com/whatsapp-events',
	description: 'The public https address that events are sent to',
};

export const endpointEventsField: INodeProperties = {
	displayName: 'Events',
	name: 'events',
	type: 'multiOptions',
	options: SUBSCRIBABLE,
	default: ['message.received'],
	description: 'Which events are sent there',
};

export const signingSecretField: INodeProperties = {
	displayName: 'Signing Secret',
	name: 'signingSecret',
	type: 'string',
	typeOptions: { password: true },
	default: '',
	description:
		'A secret of your own, 16 to 256 characters without blanks. Leave empty to let WhatIsUp make one.',
};

const descriptionField: INodeProperties = {
	displayName: 'Description',
	name: 'description',
	type: 'string',
	default: '',
	placeholder: 'e.g. Orders of the shop',
	description: 'Words of your own, by which you recognize it in lists',
};

const ignoreFromMeField: INodeProperties = {
	displayName: 'Ignore Messages From Me',
	name: 'ignoreFromMe',
	type: 'boolean',
	default: true,
	description: 'Whether to leave out what the account itself writes on its phone',
};

/** What can be set when an endpoint is created, and changed later. */
export const endpointSettingFields: readonly INodeProperties[] = [
	chatsField,
	descriptionField,
	ignoreFromMeField,
	ignoreNewslettersField,
	ignoreStatusesField,
	instancesField,
	maxCallsField,
	maximumAgeField,
	orderedField,
];

/** The settings in the named collection, as the engine takes them. */
export function endpointSettingsOf(
	this: IExecuteFunctions,
	collection: string,
	itemIndex: number,
): IDataObject {
	const given = this.getNodeParameter(collection, itemIndex, {}) as IDataObject;
	const { description, events, instances, url } = given;
	return {
		...(url !== undefined && { url: textOf(url) }),
		...(events !== undefined && { events: someEvents.call(this, events, itemIndex) }),
		...(description !== undefined && { description: textOf(description) || null }),
		...('instances' in given && { instance_ids: someInstances.call(this, instances, itemIndex) }),
		...eventFiltersOf(given),
	};
}

/** The chosen events. Fails when there is none. */
export function someEvents(this: IExecuteFunctions, given: unknown, itemIndex: number): string[] {
	const events = eventsIn(given);
	if (events.length > 0) return events;
	throw new NodeOperationError(this.getNode(), 'No event is chosen', {
		description: 'Choose at least one event that shall be sent there, or All Events.',
		itemIndex,
	});
}

/** The chosen instances, or none for all of them. */
function someInstances(
	this: IExecuteFunctions,
	given: IDataObject[string],
	itemIndex: number,
): string[] {
	const chosen = instancesIn(given);
	return someOrAll.call(this, { what: 'instance', given, chosen }, itemIndex);
}

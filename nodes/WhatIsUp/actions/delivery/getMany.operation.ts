import {
	updateDisplayOptions,
	type IDataObject,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { addedText } from '../../shared/added-field';
import { endpointField } from '../../shared/endpoint';
import { EVENTS } from '../../shared/events';
import { instanceField, limitField, limitOf, returnAllField } from '../../shared/fields';
import { fromField, periodOf, toField } from '../../shared/period';
import { engineRequestAll } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Many',
	value: 'getMany',
	action: 'Get many deliveries',
	description: 'Get many deliveries, newest first, such as all that failed',
};

const fields: INodeProperties[] = [
	returnAllField,
	limitField,
	{
		displayName: 'Filters',
		name: 'filters',
		type: 'collection',
		placeholder: 'Add Filter',
		default: {},
		options: [
			{
				displayName: 'Event',
				name: 'event',
				type: 'options',
				options: EVENTS,
				default: 'message.received',
				description: 'Only deliveries of this event',
			},
			{
				displayName: 'Event ID',
				name: 'eventId',
				type: 'string',
				default: '',
				placeholder: 'e.g. evt_0198f3c4-7a60-7cc3-9c0e-4b7d3f0a2b11',
				description: 'Only deliveries of the one event with this ID, one for each receiver',
			},
			fromField,
			{ ...instanceField, required: false, description: 'Only deliveries about this account' },
			{
				displayName: 'Status',
				name: 'status',
				type: 'options',
				options: [
					{ name: 'Failed', value: 'failed', description: 'Given up after the last attempt' },
					{ name: 'Pending', value: 'pending', description: 'Not yet tried' },
					{ name: 'Retrying', value: 'retrying', description: 'Tried, and to be tried again' },
					{ name: 'Success', value: 'success', description: 'Accepted by the receiver' },
				],
				default: 'failed',
				description: 'Only deliveries that have come this far',
			},
			toField,
			{ ...endpointField, required: false, description: 'Only deliveries to this receiver' },
		],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['delivery'], operation: ['getMany'] } },
	fields,
);

/** The filters that hold one choice, and what the engine calls them. */
const CHOICES = [
	{ name: 'event', displayName: 'Event', query: 'event' },
	{ name: 'eventId', displayName: 'Event ID', query: 'event_id' },
	{ name: instanceField.name, displayName: instanceField.displayName, query: 'instance_id' },
	{ name: 'status', displayName: 'Status', query: 'status' },
	{ name: endpointField.name, displayName: endpointField.displayName, query: 'endpoint_id' },
];

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const limit = limitOf.call(this, itemIndex);
	const given = this.getNodeParameter('filters', itemIndex, {});

	const filters = {
		...chosenIn.call(this, given, itemIndex),
		...periodOf.call(this, given, itemIndex),
	};
	return this.helpers.returnJsonArray(
		await engineRequestAll.call(this, '/v1/webhook-deliveries', filters, limit),
	);
}

/** What each filter that was added holds. Fails when one is empty, since that would list all. */
function chosenIn(this: IExecuteFunctions, given: IDataObject, itemIndex: number): IDataObject {
	const added = CHOICES.filter(({ name }) => name in given);
	return Object.fromEntries(
		added.map(({ name, displayName, query }) => [
			query,
			addedText.call(this, `filters.${name}`, displayName, itemIndex),
		]),
	);
}

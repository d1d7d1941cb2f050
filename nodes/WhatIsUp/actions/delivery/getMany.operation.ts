import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField } from '../../shared/endpoint';
import { EVENTS } from '../../shared/events';
import { instanceField, limitField, limitOf, returnAllField, textOf } from '../../shared/fields';
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

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const limit = limitOf.call(this, itemIndex);
	const given = this.getNodeParameter('filters', itemIndex, {});

	const filters = {
		event: given.event,
		event_id: textOf(given.eventId),
		status: given.status,
		instance_id: chosenIn.call(this, 'filters.instance', itemIndex),
		endpoint_id: chosenIn.call(this, 'filters.endpoint', itemIndex),
		...periodOf.call(this, given, itemIndex),
	};
	return this.helpers.returnJsonArray(
		await engineRequestAll.call(this, '/v1/webhook-deliveries', filters, limit),
	);
}

/** What is picked from a list or given by its ID; empty when nothing is. */
function chosenIn(this: IExecuteFunctions, name: string, itemIndex: number): string {
	return textOf(this.getNodeParameter(name, itemIndex, '', { extractValue: true }));
}

import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { EVENTS } from '../../shared/events';
import { instanceField, limitField, limitOf, returnAllField, textOf } from '../../shared/fields';
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
	const { event, status } = this.getNodeParameter('filters', itemIndex, {});
	const instance = this.getNodeParameter('filters.instance', itemIndex, '', { extractValue: true });

	const filters = { event, status, instance_id: textOf(instance) };
	return this.helpers.returnJsonArray(
		await engineRequestAll.call(this, '/v1/webhook-deliveries', filters, limit),
	);
}

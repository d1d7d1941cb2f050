import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { pathSegment } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get',
	value: 'get',
	action: 'Get a delivery',
	description: 'Get one delivery, with what was sent and how the receiver answered',
};

const fields: INodeProperties[] = [
	{
		displayName: 'Delivery ID',
		name: 'deliveryId',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. dlv_0198f3c4-7a60-7cc3-9c0e-4b7d3f0a2b11',
		description: 'The ID of the delivery, as Get Many lists it',
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['delivery'], operation: ['get'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `/v1/webhook-deliveries/${pathSegment.call(this, 'deliveryId', itemIndex)}`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

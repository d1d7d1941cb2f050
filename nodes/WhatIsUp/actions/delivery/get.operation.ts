import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { deliveryIdField, deliveryPath } from '../../shared/delivery';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get',
	value: 'get',
	action: 'Get a delivery',
	description: 'Get one delivery, with what was sent and how the receiver answered',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['delivery'], operation: ['get'] } },
	[deliveryIdField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = deliveryPath.call(this, itemIndex);

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { deliveryIdField, deliveryPath } from '../../shared/delivery';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Redeliver',
	value: 'redeliver',
	action: 'Redeliver a delivery',
	description: 'Send a delivery again now, whether it failed or was accepted',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'The receiver gets the same event, with the same event_id. A WhatIsUp Trigger that has run for it since n8n was started accepts it and does not run again.',
		name: 'redeliverNotice',
		type: 'notice',
		default: '',
	},
	deliveryIdField,
];

export const description = updateDisplayOptions(
	{ show: { resource: ['delivery'], operation: ['redeliver'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${deliveryPath.call(this, itemIndex)}/redeliver`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

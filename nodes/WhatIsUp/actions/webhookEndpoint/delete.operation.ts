import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Delete',
	value: 'delete',
	action: 'Delete a webhook endpoint',
	description: 'Send nothing to a URL any more. What is on its way to it is given up.',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'The endpoint of an active trigger belongs to it: deactivate the workflow instead. To stop for a while, use Disable.',
		name: 'deleteNotice',
		type: 'notice',
		default: '',
	},
	endpointField,
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['delete'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = endpointPath.call(this, itemIndex);

	await engineRequest.call(this, { method: 'DELETE', path });
	return this.helpers.returnJsonArray({ deleted: true });
}

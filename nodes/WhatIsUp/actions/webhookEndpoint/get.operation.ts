import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get',
	value: 'get',
	action: 'Get a webhook endpoint',
	description: 'Get one webhook endpoint: its URL, its events and how it has done lately',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['get'] } },
	[endpointField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = endpointPath.call(this, itemIndex);

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Disable',
	value: 'disable',
	action: 'Disable a webhook endpoint',
	description: 'Send no more events to a URL until it is enabled again. What is on its way waits.',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['disable'] } },
	[endpointField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${endpointPath.call(this, itemIndex)}/disable`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

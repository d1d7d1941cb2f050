import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Enable',
	value: 'enable',
	action: 'Enable a webhook endpoint',
	description:
		'Send events to a URL again, beginning with those that have waited since it was disabled',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['enable'] } },
	[endpointField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${endpointPath.call(this, itemIndex)}/enable`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

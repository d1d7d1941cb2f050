import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, replayIdField, replayPath } from '../../shared/endpoint';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Replay',
	value: 'getReplay',
	action: 'Get a replay of a webhook endpoint',
	description: 'Get how far a replay has come: running, completed, cancelled or failed',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['getReplay'] } },
	[endpointField, replayIdField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = replayPath.call(this, itemIndex);

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

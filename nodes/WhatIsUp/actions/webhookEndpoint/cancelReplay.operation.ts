import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, replayIdField, replayPath } from '../../shared/endpoint';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Cancel Replay',
	value: 'cancelReplay',
	action: 'Cancel a replay of a webhook endpoint',
	description: 'Send no more of a replay. What it has sent already stays sent.',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['cancelReplay'] } },
	[endpointField, replayIdField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${replayPath.call(this, itemIndex)}/cancel`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { dryRunField, paceField, replayBody, replayNotice } from '../../shared/replay';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Recover',
	value: 'recover',
	action: 'Recover a webhook endpoint',
	description: 'Send again everything that failed since the URL last worked, as after an outage',
};

const fields: INodeProperties[] = [
	endpointField,
	replayNotice,
	dryRunField,
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		options: [paceField],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['recover'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${endpointPath.call(this, itemIndex)}/recover`;
	const dryRun = this.getNodeParameter('dryRun', itemIndex);
	const body = replayBody(dryRun, this.getNodeParameter('options', itemIndex, {}));

	return this.helpers.returnJsonArray(
		await engineRequest.call(this, { method: 'POST', path, body }),
	);
}

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
	name: 'Test',
	value: 'test',
	action: 'Test a webhook endpoint',
	description: 'Send a signed test event to a URL now, and tell what it answered',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'"delivered" tells whether it worked; if not, "hint" tells what to do. A WhatIsUp Trigger accepts the test and starts nothing, unless it is listening for a test event.',
		name: 'testNotice',
		type: 'notice',
		default: '',
	},
	endpointField,
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['test'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${endpointPath.call(this, itemIndex)}/test`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get',
	value: 'get',
	action: 'Get an instance',
	description: 'Get one WhatsApp account, with its phone number and whether it is connected',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['get'] } },
	[instanceField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = instancePath.call(this, itemIndex);

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

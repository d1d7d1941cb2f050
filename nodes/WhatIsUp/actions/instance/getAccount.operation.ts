import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Account',
	value: 'getAccount',
	action: 'Get the account of an instance',
	description: 'Get who is linked: the phone number and the name of the WhatsApp account',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['getAccount'] } },
	[instanceField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/me`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

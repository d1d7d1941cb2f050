import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Stop',
	value: 'stop',
	action: 'Stop an instance',
	description: 'Disconnect the account until it is started again. It stays linked with the phone.',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['stop'] } },
	[instanceField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/stop`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

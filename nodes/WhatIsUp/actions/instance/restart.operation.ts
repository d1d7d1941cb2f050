import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Restart',
	value: 'restart',
	action: 'Restart an instance',
	description:
		'Drop the connection of an account and make it anew. It stays linked with the phone.',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['restart'] } },
	[instanceField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/restart`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

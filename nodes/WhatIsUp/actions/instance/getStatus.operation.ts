import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Status',
	value: 'getStatus',
	action: 'Get the status of an instance',
	description: 'Get how an account is doing: connected or not, since when and why',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['getStatus'] } },
	[instanceField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/status`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

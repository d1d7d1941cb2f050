import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { groupField, groupPath } from '../../shared/group';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get',
	value: 'get',
	action: 'Get a group of accounts',
	description: 'Get the accounts of a group, in the order in which they stand in for each other',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['group'], operation: ['get'] } },
	[groupField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = groupPath.call(this, itemIndex);

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

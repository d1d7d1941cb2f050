import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import {
	instanceField,
	instancePath,
	limitField,
	limitOf,
	returnAllField,
} from '../../shared/fields';
import { engineRequestAll } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get History',
	value: 'getHistory',
	action: 'Get the history of an instance',
	description:
		'Get every change of state of an account, newest first: when, why, and how long it lasted',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['getHistory'] } },
	[instanceField, returnAllField, limitField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/transitions`;
	const limit = limitOf.call(this, itemIndex);

	return this.helpers.returnJsonArray(await engineRequestAll.call(this, path, {}, limit));
}

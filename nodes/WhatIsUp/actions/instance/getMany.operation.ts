import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { limitField, limitOf, returnAllField } from '../../shared/fields';
import { engineRequestAll } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Many',
	value: 'getMany',
	action: 'Get many instances',
	description: 'Get many WhatsApp accounts, newest first',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['getMany'] } },
	[returnAllField, limitField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const limit = limitOf.call(this, itemIndex);

	return this.helpers.returnJsonArray(
		await engineRequestAll.call(this, '/v1/instances', {}, limit),
	);
}

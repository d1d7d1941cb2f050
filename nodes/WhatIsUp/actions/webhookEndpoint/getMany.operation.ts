import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { ENDPOINTS } from '../../shared/endpoint';
import { limitField, limitOf, returnAllField } from '../../shared/fields';
import { engineRequestAll } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Many',
	value: 'getMany',
	action: 'Get many webhook endpoints',
	description: 'Get many webhook endpoints, newest first, those of triggers among them',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['getMany'] } },
	[returnAllField, limitField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const limit = limitOf.call(this, itemIndex);

	return this.helpers.returnJsonArray(await engineRequestAll.call(this, ENDPOINTS, {}, limit));
}

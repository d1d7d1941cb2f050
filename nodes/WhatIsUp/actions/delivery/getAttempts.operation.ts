import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { deliveryIdField, deliveryPath } from '../../shared/delivery';
import { engineList } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Attempts',
	value: 'getAttempts',
	action: 'Get the attempts of a delivery',
	description:
		'Get every attempt of a delivery, one item for each: when, how long it took and what came back',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['delivery'], operation: ['getAttempts'] } },
	[deliveryIdField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${deliveryPath.call(this, itemIndex)}/attempts`;

	// All at once: a delivery has but a few.
	const { entries } = await engineList.call(this, path, {});
	return this.helpers.returnJsonArray(entries);
}

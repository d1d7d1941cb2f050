import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { pathSegment } from './fields';

export const deliveryIdField: INodeProperties = {
	displayName: 'Delivery ID',
	name: 'deliveryId',
	type: 'string',
	default: '',
	required: true,
	placeholder: 'e.g. dlv_0198f3c4-7a60-7cc3-9c0e-4b7d3f0a2b11',
	description: 'The ID of the delivery, as Get Many lists it',
};

/** The path of a delivery in the API. Fails when its ID is empty. */
export function deliveryPath(this: IExecuteFunctions, itemIndex: number): string {
	return `/v1/webhook-deliveries/${pathSegment.call(this, 'deliveryId', itemIndex)}`;
}

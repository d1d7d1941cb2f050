import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Delete',
	value: 'delete',
	action: 'Delete an instance',
	description: 'Remove a WhatsApp account from WhatIsUp and unlink it',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'This unlinks the account from its phone. To use it again, create an instance and scan a QR code.',
		name: 'deleteNotice',
		type: 'notice',
		default: '',
	},
	instanceField,
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['delete'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = instancePath.call(this, itemIndex);

	await engineRequest.call(this, { method: 'DELETE', path });
	return this.helpers.returnJsonArray({ deleted: true });
}

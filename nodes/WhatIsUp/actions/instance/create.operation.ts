import {
	NodeOperationError,
	updateDisplayOptions,
	type IDataObject,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { textOf } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Create',
	value: 'create',
	action: 'Create an instance',
	description: 'Add a WhatsApp account. Then use Get QR Code to link it with a phone.',
};

const fields: INodeProperties[] = [
	{
		displayName: 'Name',
		name: 'name',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. Customer service',
		description: 'A name of your choice, by which you recognize the account',
	},
	{
		displayName: 'Additional Fields',
		name: 'additionalFields',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		options: [
			{
				displayName: 'Metadata',
				name: 'metadata',
				type: 'json',
				default: '{}',
				description:
					'Your own data about the account, as a JSON object. WhatIsUp keeps it and hands it back.',
			},
		],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['create'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const name = textOf(this.getNodeParameter('name', itemIndex));
	const { metadata } = this.getNodeParameter('additionalFields', itemIndex, {});

	const instance = await engineRequest.call(this, {
		method: 'POST',
		path: '/v1/instances',
		body: {
			name,
			...(metadata !== undefined && { metadata: objectOf.call(this, metadata, itemIndex) }),
		},
	});
	return this.helpers.returnJsonArray(instance);
}

/** A JSON field holds a text when typed in, and may hold an object when it is an expression. */
function objectOf(this: IExecuteFunctions, metadata: unknown, itemIndex: number): IDataObject {
	const value = typeof metadata === 'string' ? parse(metadata) : metadata;
	if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
		return value as IDataObject;
	}
	throw new NodeOperationError(this.getNode(), 'The metadata is not a JSON object', {
		description: 'It looks like this: {"team": "sales", "priority": 1}',
		itemIndex,
	});
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

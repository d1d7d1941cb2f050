import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath, pathSegment } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get',
	value: 'get',
	action: 'Get a message',
	description:
		'Get a sent message and how far it has come: queued, sent, delivered, read or failed',
};

const fields: INodeProperties[] = [
	instanceField,
	{
		displayName: 'Message ID',
		name: 'messageId',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. msg_0198f3c4-7a60-7cc3-9c0e-4b7d3f0a2b11',
		description: 'The message_id that Send Text gave back',
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['message'], operation: ['get'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const messageId = pathSegment.call(this, 'messageId', itemIndex);
	const path = `${instancePath.call(this, itemIndex)}/messages/${messageId}`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'GET', path }));
}

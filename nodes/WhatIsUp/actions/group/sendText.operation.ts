import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { textOf } from '../../shared/fields';
import { groupField, groupPath } from '../../shared/group';
import { clientReferenceField, messageTextField, messageTextOf } from '../../shared/message-text';
import { recipientField, recipientOf } from '../../shared/recipient';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Send Text',
	value: 'sendText',
	action: 'Send a text message through a group of accounts',
	description: 'Send a text message from the first account of a group that is connected',
};

const fields: INodeProperties[] = [
	groupField,
	recipientField,
	messageTextField,
	{
		displayName:
			'The account with the lowest priority number sends, unless it is not connected; then the next one does. If none is connected, this fails. The output tells which one it was.',
		name: 'groupNotice',
		type: 'notice',
		default: '',
	},
	{
		displayName: 'Additional Fields',
		name: 'additionalFields',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		options: [clientReferenceField],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['group'], operation: ['sendText'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${groupPath.call(this, itemIndex)}/messages`;
	const to = recipientOf.call(this, itemIndex);
	const text = messageTextOf.call(this, itemIndex);
	const { clientRef } = this.getNodeParameter('additionalFields', itemIndex, {});
	const reference = textOf(clientRef);

	const accepted = await engineRequest.call(this, {
		method: 'POST',
		path,
		body: {
			to,
			body: { type: 'text', text },
			...(reference !== '' && { client_ref: reference }),
		},
	});
	return this.helpers.returnJsonArray(accepted);
}

import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath, textOf } from '../../shared/fields';
import { clientReferenceField, messageTextField, messageTextOf } from '../../shared/message-text';
import { recipientField, recipientOf } from '../../shared/recipient';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Send Text',
	value: 'sendText',
	action: 'Send a text message',
	description: 'Send a text message to a person or a group',
};

const fields: INodeProperties[] = [
	instanceField,
	recipientField,
	messageTextField,
	{
		displayName:
			'The message is handed to WhatsApp as soon as the account is connected. Whether it arrived shows in Message > Get, or in the trigger (message.sent, message.failed).',
		name: 'sendNotice',
		type: 'notice',
		default: '',
	},
	{
		displayName: 'Additional Fields',
		name: 'additionalFields',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		options: [
			clientReferenceField,
			{
				displayName: 'Fail If Not Connected',
				name: 'failFast',
				type: 'boolean',
				default: false,
				description:
					'Whether to fail at once when the account is not connected to WhatsApp, instead of keeping the message until it is',
			},
		],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['message'], operation: ['sendText'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/messages`;
	const to = recipientOf.call(this, itemIndex);
	const text = messageTextOf.call(this, itemIndex);
	const { clientRef, failFast } = this.getNodeParameter('additionalFields', itemIndex, {});
	const reference = textOf(clientRef);

	const accepted = await engineRequest.call(this, {
		method: 'POST',
		path,
		body: {
			to,
			body: { type: 'text', text },
			...(reference !== '' && { client_ref: reference }),
			...(failFast === true && { fail_fast: true }),
		},
	});
	return this.helpers.returnJsonArray(accepted);
}

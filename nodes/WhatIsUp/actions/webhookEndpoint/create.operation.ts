import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { ENDPOINTS } from '../../shared/endpoint';
import {
	endpointEventsField,
	endpointSettingFields,
	endpointSettingsOf,
	signingSecretField,
	someEvents,
	urlField,
} from '../../shared/endpoint-settings';
import { textOf } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Create',
	value: 'create',
	action: 'Create a webhook endpoint',
	description:
		'Let WhatIsUp send events to a URL, such as one of another program. A WhatIsUp Trigger does this by itself.',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'The output holds the signing secret, by which the receiver tells real calls from forged ones. It is shown this once: put it where the receiver finds it.',
		name: 'secretNotice',
		type: 'notice',
		default: '',
	},
	{ ...urlField, required: true },
	{ ...endpointEventsField, required: true },
	{
		displayName: 'Additional Fields',
		name: 'additionalFields',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		options: [...endpointSettingFields, signingSecretField],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['create'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const url = textOf(this.getNodeParameter('url', itemIndex));
	const events = someEvents.call(this, this.getNodeParameter('events', itemIndex), itemIndex);
	const settings = endpointSettingsOf.call(this, 'additionalFields', itemIndex);
	const { signingSecret } = this.getNodeParameter('additionalFields', itemIndex, {});
	const secret = textOf(signingSecret);

	const endpoint = await engineRequest.call(this, {
		method: 'POST',
		path: ENDPOINTS,
		body: { url, events, ...settings, ...(secret !== '' && { signing_secret: secret }) },
	});
	return this.helpers.returnJsonArray(endpoint);
}

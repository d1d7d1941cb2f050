import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { textOf } from '../../shared/fields';
import { settingFields, settingsOf } from '../../shared/instance-settings';
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
		options: settingFields,
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
	const settings = settingsOf.call(this, 'additionalFields', itemIndex);

	const instance = await engineRequest.call(this, {
		method: 'POST',
		path: '/v1/instances',
		body: { name, ...settings },
	});
	return this.helpers.returnJsonArray(instance);
}

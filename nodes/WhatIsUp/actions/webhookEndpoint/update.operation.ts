import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, endpointPath } from '../../shared/endpoint';
import {
	endpointEventsField,
	endpointSettingFields,
	endpointSettingsOf,
	urlField,
} from '../../shared/endpoint-settings';
import { nothingToUpdate } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Update',
	value: 'update',
	action: 'Update a webhook endpoint',
	description: 'Change the URL, the events or other settings of a webhook endpoint',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'The endpoint of an active trigger belongs to it: change the settings of the trigger instead.',
		name: 'updateNotice',
		type: 'notice',
		default: '',
	},
	endpointField,
	{
		displayName: 'Update Fields',
		name: 'updateFields',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		options: [...endpointSettingFields, endpointEventsField, urlField],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['update'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = endpointPath.call(this, itemIndex);
	const body = endpointSettingsOf.call(this, 'updateFields', itemIndex);
	if (Object.keys(body).length === 0) throw nothingToUpdate.call(this, itemIndex);

	return this.helpers.returnJsonArray(
		await engineRequest.call(this, { method: 'PATCH', path, body }),
	);
}

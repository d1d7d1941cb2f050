import {
	updateDisplayOptions,
	type IDataObject,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath, nothingToUpdate, textOf } from '../../shared/fields';
import { settingFields, settingsOf } from '../../shared/instance-settings';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Update',
	value: 'update',
	action: 'Update an instance',
	description: 'Change the name, the group or other settings of an account',
};

const nameField: INodeProperties = {
	displayName: 'Name',
	name: 'name',
	type: 'string',
	default: '',
	placeholder: 'e.g. Customer service',
	description: 'A name of your choice, by which you recognize the account',
};

const fields: INodeProperties[] = [
	instanceField,
	{
		displayName: 'Update Fields',
		name: 'updateFields',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		options: [nameField, ...settingFields],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['update'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = instancePath.call(this, itemIndex);
	const { name } = this.getNodeParameter('updateFields', itemIndex, {}) as IDataObject;
	const body = {
		...(name !== undefined && { name: textOf(name) }),
		...settingsOf.call(this, 'updateFields', itemIndex),
	};
	if (Object.keys(body).length === 0) throw nothingToUpdate.call(this, itemIndex);

	return this.helpers.returnJsonArray(
		await engineRequest.call(this, { method: 'PATCH', path, body }),
	);
}

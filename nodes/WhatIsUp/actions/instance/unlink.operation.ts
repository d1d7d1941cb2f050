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
	name: 'Unlink',
	value: 'unlink',
	action: 'Unlink an instance',
	description: 'Log an account out, so that its phone no longer lists it. The instance stays.',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'To use the instance again, scan a new QR code. When WhatsApp does not confirm, "confirmed" is false: then look in the phone under Linked Devices.',
		name: 'unlinkNotice',
		type: 'notice',
		default: '',
	},
	instanceField,
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['unlink'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/logout`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

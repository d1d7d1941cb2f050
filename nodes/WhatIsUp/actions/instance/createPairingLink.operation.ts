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
	name: 'Create Pairing Link',
	value: 'createPairingLink',
	action: 'Create a pairing link for an instance',
	description:
		'Make a link to a page that shows the live QR code, to send to whoever has the phone',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'The link works for 30 minutes, for whoever has it, and until a phone is linked. An instance has one link: a new one ends the one before.',
		name: 'linkNotice',
		type: 'notice',
		default: '',
	},
	instanceField,
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['createPairingLink'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/pairing-link`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

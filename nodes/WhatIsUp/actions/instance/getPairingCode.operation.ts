import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath, textOf } from '../../shared/fields';
import { digitsIn, noPhoneNumber } from '../../shared/phone-number';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Pairing Code',
	value: 'getPairingCode',
	action: 'Get the pairing code of an instance',
	description: 'Get eight characters to type into the phone, for when it cannot scan a QR code',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'On the phone: WhatsApp, Settings, Linked Devices, Link a Device, Link with Phone Number Instead. Then type the code. An instance that has not been started is started by this.',
		name: 'codeNotice',
		type: 'notice',
		default: '',
	},
	instanceField,
	{
		displayName: 'Phone Number',
		name: 'phoneNumber',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. +55 11 99999-9999',
		description: 'The number of the phone to be linked, with its country code',
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['getPairingCode'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/pair-code`;
	const given = textOf(this.getNodeParameter('phoneNumber', itemIndex));
	const phoneNumber = digitsIn(given);
	if (phoneNumber === undefined) {
		throw noPhoneNumber.call(this, given, { what: 'phone number', itemIndex });
	}

	const body = { phone_number: phoneNumber };
	return this.helpers.returnJsonArray(
		await engineRequest.call(this, { method: 'POST', path, body }),
	);
}

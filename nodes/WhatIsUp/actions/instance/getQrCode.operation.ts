import {
	NodeOperationError,
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get QR Code',
	value: 'getQrCode',
	action: 'Get the QR code of an instance',
	description: 'Get the picture to scan with the phone, which links the WhatsApp account',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'On the phone: WhatsApp, Settings, Linked Devices, Link a Device. A code is valid for less than a minute; then get a new one. An instance that has not been started is started by this.',
		name: 'qrNotice',
		type: 'notice',
		default: '',
	},
	instanceField,
	{
		displayName: 'Put Output File in Field',
		name: 'binaryPropertyName',
		type: 'string',
		default: 'data',
		required: true,
		hint: 'The name of the output binary field to put the picture in',
	},
	{
		displayName: 'File Name',
		name: 'fileName',
		type: 'string',
		default: 'whatsapp-qr.png',
		description: 'The name of the picture, for when it is sent or saved',
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['getQrCode'] } },
	fields,
);

const PNG_DATA_URL = /^data:image\/png;base64,(?<base64>[A-Za-z0-9+/=]+)$/;

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/qr`;
	const field = this.getNodeParameter('binaryPropertyName', itemIndex) as string;
	const fileName = this.getNodeParameter('fileName', itemIndex) as string;

	const { qr, ...json } = await engineRequest.call(this, { method: 'GET', path });
	const base64 = PNG_DATA_URL.exec(String(qr))?.groups?.base64;
	if (base64 === undefined) {
		// Hosted WhatIsUp may answer with nothing while it still waits for WhatsApp.
		throw new NodeOperationError(this.getNode(), 'There is no QR code yet', {
			description: 'Try again in a few seconds. An account that is connected needs no QR code.',
			itemIndex,
		});
	}
	const picture = await this.helpers.prepareBinaryData(
		Buffer.from(base64, 'base64'),
		fileName,
		'image/png',
	);
	return [{ json, binary: { [field]: picture } }];
}

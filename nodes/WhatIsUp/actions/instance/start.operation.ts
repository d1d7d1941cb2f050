import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Start',
	value: 'start',
	action: 'Start an instance',
	description:
		'Connect the account to WhatsApp. One that was never linked waits for its QR code to be scanned.',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['start'] } },
	[instanceField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/start`;

	return this.helpers.returnJsonArray(await engineRequest.call(this, { method: 'POST', path }));
}

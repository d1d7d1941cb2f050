import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Revoke Pairing Link',
	value: 'revokePairingLink',
	action: 'Revoke the pairing link of an instance',
	description: 'End the pairing link before its time',
};

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['revokePairingLink'] } },
	[instanceField],
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/pairing-link`;

	await engineRequest.call(this, { method: 'DELETE', path });
	return this.helpers.returnJsonArray({ revoked: true });
}

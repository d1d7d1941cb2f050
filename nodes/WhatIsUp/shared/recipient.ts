import { NodeOperationError, type IExecuteFunctions, type INodeProperties } from 'n8n-workflow';
import { textOf } from './fields';

export const recipientField: INodeProperties = {
	displayName: 'To',
	name: 'to',
	type: 'string',
	default: '',
	required: true,
	placeholder: 'e.g. +55 11 99999-9999',
	description:
		'The phone number with its country code. Spaces, dashes and brackets do not matter. For a group, its chat ID.',
	hint: 'To answer a received message, drag its chat_id here',
};

/** What people put between the digits of a phone number. */
const DECORATION = /[\s().\-/\u2010-\u2015\u00a0]/g;

/**
 * The recipient as the engine takes it: digits, or the chat ID of a received message (which has
 * an @ in it). Everything else is refused here, where the item it came from is known.
 */
export function recipientOf(this: IExecuteFunctions, itemIndex: number): string {
	const given = textOf(this.getNodeParameter('to', itemIndex));
	if (given.includes('@')) return given;

	const digits = given.replace(DECORATION, '').replace(/^\+/, '');
	if (/^\d+$/.test(digits)) return digits;

	const message = given === '' ? 'The recipient is empty' : `"${given}" is not a phone number`;
	throw new NodeOperationError(this.getNode(), message, {
		description:
			'Give the number with its country code, such as +55 11 99999-9999. To answer a received message, use its chat_id.',
		itemIndex,
	});
}

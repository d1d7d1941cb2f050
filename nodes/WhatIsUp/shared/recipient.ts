import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { textOf } from './fields';
import { digitsIn, noPhoneNumber } from './phone-number';

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

/**
 * The recipient as the engine takes it: digits, or the chat ID of a received message (which has
 * an @ in it). Everything else is refused here, where the item it came from is known.
 */
export function recipientOf(this: IExecuteFunctions, itemIndex: number): string {
	const given = textOf(this.getNodeParameter('to', itemIndex));
	if (given.includes('@')) return given;

	const digits = digitsIn(given);
	if (digits !== undefined) return digits;
	throw noPhoneNumber.call(this, given, {
		what: 'recipient',
		itemIndex,
		more: 'To answer a received message, use its chat_id.',
	});
}

import { NodeOperationError, type IExecuteFunctions } from 'n8n-workflow';

/** What people put between the digits of a phone number. */
const DECORATION = /[\s().\-/\u2010-\u2015\u00a0]/g;

/** The digits of a phone number as people write it, or undefined when it is something else. */
export function digitsIn(given: string): string | undefined {
	const digits = given.replace(DECORATION, '').replace(/^\+/, '');
	return /^\d+$/.test(digits) ? digits : undefined;
}

/** What to say when no digits were found in it. */
export function noPhoneNumber(
	this: IExecuteFunctions,
	given: string,
	{ what, itemIndex, more = '' }: { what: string; itemIndex: number; more?: string },
): NodeOperationError {
	const message = given === '' ? `The ${what} is empty` : `"${given}" is not a phone number`;
	return new NodeOperationError(this.getNode(), message, {
		description: `Give the number with its country code, such as +55 11 99999-9999. ${more}`.trim(),
		itemIndex,
	});
}

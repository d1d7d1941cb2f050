import { NodeOperationError, type IExecuteFunctions, type INodeProperties } from 'n8n-workflow';

export const messageTextField: INodeProperties = {
	displayName: 'Text',
	// n8n's human review for AI tools looks for a parameter of this name.
	name: 'message',
	type: 'string',
	typeOptions: { rows: 4 },
	default: '',
	required: true,
	placeholder: 'e.g. Your order is on its way.',
	description: 'The text to send. WhatsApp shows *bold*, _italic_ and ~struck~ words.',
};

export const clientReferenceField: INodeProperties = {
	displayName: 'Client Reference',
	name: 'clientRef',
	type: 'string',
	default: '',
	placeholder: 'e.g. order-1042',
	description: 'Your own name for this message. It comes back in the events about it.',
};

/**
 * The text as it was given, blanks and line ends included. Fails when there is none: a received
 * picture has no text, and a person shall not read "null" or "[object Object]" in its place.
 */
export function messageTextOf(this: IExecuteFunctions, itemIndex: number): string {
	const given: unknown = this.getNodeParameter('message', itemIndex);
	const text = isPlain(given) ? String(given) : '';
	if (text !== '') return text;
	throw new NodeOperationError(this.getNode(), 'The text is empty', {
		description: 'If it is an expression, look at what the node before this one hands over.',
		itemIndex,
	});
}

function isPlain(given: unknown): given is string | number | boolean {
	return ['string', 'number', 'boolean'].includes(typeof given);
}

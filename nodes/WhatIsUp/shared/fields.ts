import { NodeOperationError, type IExecuteFunctions, type INodeProperties } from 'n8n-workflow';

/** Which WhatsApp account to use: picked from a list, or given by its ID. */
export const instanceField: INodeProperties = {
	displayName: 'Instance',
	name: 'instance',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description:
		'The WhatsApp account to use. An instance is one account, linked once with a QR code.',
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select an instance...',
			typeOptions: { searchListMethod: 'searchInstances', searchable: true },
		},
		{
			// Without a pattern to match: n8n gives one 250 ms at each run, too few on a busy machine.
			displayName: 'By ID',
			name: 'id',
			type: 'string',
			placeholder: 'e.g. inst_0198f3c4-7a60-7cc3-9c0e-4b7d3f0a2b11',
		},
	],
};

/** Which WhatsApp accounts something is about, where it may be several. */
export const instancesField: INodeProperties = {
	displayName: 'Instance Names or IDs',
	name: 'instances',
	type: 'multiOptions',
	typeOptions: { loadOptionsMethod: 'getInstances' },
	default: [],
	description:
		'Only these WhatsApp accounts; none chosen means all, also those added later. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
};

export const returnAllField: INodeProperties = {
	displayName: 'Return All',
	name: 'returnAll',
	type: 'boolean',
	default: false,
	description: 'Whether to return all results or only up to a given limit',
};

export const limitField: INodeProperties = {
	displayName: 'Limit',
	name: 'limit',
	type: 'number',
	typeOptions: { minValue: 1 },
	default: 50,
	displayOptions: { show: { returnAll: [false] } },
	description: 'Max number of results to return',
};

/** The path of an instance in the API. Fails when no instance has been chosen. */
export function instancePath(this: IExecuteFunctions, itemIndex: number): string {
	return `/v1/instances/${pathSegment.call(this, 'instance', itemIndex)}`;
}

/** A required parameter, ready to stand in a path. Fails when it is empty. */
export function pathSegment(this: IExecuteFunctions, name: string, itemIndex: number): string {
	const value = textOf(this.getNodeParameter(name, itemIndex, '', { extractValue: true }));
	if (value === '') {
		throw new NodeOperationError(this.getNode(), EMPTY[name] ?? `The parameter ${name} is empty`, {
			description: 'If it is an expression, look at what the node before this one hands over.',
			itemIndex,
		});
	}
	return encodeURIComponent(value);
}

/** What to say when an Update operation was given no field. */
export function nothingToUpdate(this: IExecuteFunctions, itemIndex: number): NodeOperationError {
	return new NodeOperationError(this.getNode(), 'There is nothing to update', {
		description: 'Add at least one field under Update Fields.',
		itemIndex,
	});
}

/** How many entries a Get Many operation shall return at most. */
export function limitOf(this: IExecuteFunctions, itemIndex: number): number {
	const returnAll = this.getNodeParameter('returnAll', itemIndex) as boolean;
	return returnAll ? Infinity : (this.getNodeParameter('limit', itemIndex) as number);
}

/** Expressions may hand over a number where a text is asked for, such as a phone number. */
export function textOf(value: unknown): string {
	return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

/** The chosen instances. An expression may hand over a single one, or a text with commas. */
export function instancesIn(value: unknown): string[] {
	const ids = Array.isArray(value) ? value : textOf(value).split(',');
	return [...new Set(ids.map(textOf).filter(Boolean))];
}

const EMPTY: Readonly<Record<string, string>> = {
	instance: 'No instance is chosen',
	group: 'No group is chosen',
	messageId: 'The message ID is empty',
	deliveryId: 'The delivery ID is empty',
	endpoint: 'No webhook endpoint is chosen',
	replayId: 'The replay ID is empty',
};

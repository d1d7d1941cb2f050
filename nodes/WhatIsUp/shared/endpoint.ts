import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { pathSegment } from './fields';

export const ENDPOINTS = '/v1/webhook-endpoints';

/** Which webhook endpoint to use: picked from a list, or given by its ID. */
export const endpointField: INodeProperties = {
	displayName: 'Webhook Endpoint',
	name: 'endpoint',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description:
		'The webhook endpoint to use. It is a URL that WhatIsUp sends events to; each active trigger has one.',
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select a webhook endpoint...',
			typeOptions: { searchListMethod: 'searchEndpoints', searchable: true },
		},
		{
			displayName: 'By ID',
			name: 'id',
			type: 'string',
			placeholder: 'e.g. wh_0198f3c4-7a60-7cc3-9c0e-4b7d3f0a2b11',
		},
	],
};

export const replayIdField: INodeProperties = {
	displayName: 'Replay ID',
	name: 'replayId',
	type: 'string',
	default: '',
	required: true,
	placeholder: 'e.g. rpl_0198f3c4-7a60-7cc3-9c0e-4b7d3f0a2b11',
	description: 'The ID that Replay or Recover gave back',
};

/** The path of a webhook endpoint in the API. Fails when none has been chosen. */
export function endpointPath(this: IExecuteFunctions, itemIndex: number): string {
	return `${ENDPOINTS}/${pathSegment.call(this, 'endpoint', itemIndex)}`;
}

/** The path of a replay in the API. Fails when its ID is empty. */
export function replayPath(this: IExecuteFunctions, itemIndex: number): string {
	const endpoint = endpointPath.call(this, itemIndex);
	return `${endpoint}/replays/${pathSegment.call(this, 'replayId', itemIndex)}`;
}

import {
	updateDisplayOptions,
	type IDataObject,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { someOrAll } from '../../shared/added-field';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { EVENTS, eventsIn } from '../../shared/events';
import { fromField, periodOf, toField } from '../../shared/period';
import { dryRunField, paceField, replayBody, replayNotice } from '../../shared/replay';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Replay',
	value: 'replay',
	action: 'Replay deliveries of a webhook endpoint',
	description: 'Send again what was sent to a URL before, such as all that failed last night',
};

const fields: INodeProperties[] = [
	endpointField,
	replayNotice,
	{
		displayName: 'Status',
		name: 'status',
		type: 'options',
		options: [
			{ name: 'All', value: 'all', description: 'Whether it was accepted or given up' },
			{ name: 'Failed', value: 'failed', description: 'Given up after the last attempt' },
			{ name: 'Success', value: 'success', description: 'Accepted by the receiver' },
		],
		default: 'failed',
		description: 'Which deliveries to send again',
	},
	dryRunField,
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		options: [
			{
				displayName: 'Events',
				name: 'events',
				type: 'multiOptions',
				options: EVENTS,
				default: [],
				description: 'Only deliveries of these events; none chosen means all',
			},
			fromField,
			paceField,
			toField,
		],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['replay'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${endpointPath.call(this, itemIndex)}/replay`;
	const options = this.getNodeParameter('options', itemIndex, {});
	const events = eventsOf.call(this, options, itemIndex);

	const replay = await engineRequest.call(this, {
		method: 'POST',
		path,
		body: {
			status: this.getNodeParameter('status', itemIndex),
			...(events.length > 0 && { events }),
			...periodOf.call(this, options, itemIndex),
			...replayBody(this.getNodeParameter('dryRun', itemIndex), options),
		},
	});
	return this.helpers.returnJsonArray(replay);
}

/** The chosen events, or none for all of them. */
function eventsOf(this: IExecuteFunctions, options: IDataObject, itemIndex: number): string[] {
	if (!('events' in options)) return [];
	const { events: given } = options;
	return someOrAll.call(this, { what: 'event', given, chosen: eventsIn(given) }, itemIndex);
}

import type { IDataObject, INodeProperties } from 'n8n-workflow';

export const replayNotice: INodeProperties = {
	displayName:
		'This starts sending and does not wait for its end: ask with Get Replay how far it has come. The receiver gets events that it may know already. A WhatIsUp Trigger runs for none twice that it got since n8n was started.',
	name: 'replayNotice',
	type: 'notice',
	default: '',
};

export const dryRunField: INodeProperties = {
	displayName: 'Dry Run',
	name: 'dryRun',
	type: 'boolean',
	default: false,
	description: 'Whether to send nothing, and only tell how many it would be',
};

export const paceField: INodeProperties = {
	displayName: 'Max per Second',
	name: 'maxPerSecond',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: 100 },
	default: 20,
	description: 'How many are sent per second at most, so that the receiver keeps up',
};

/** What both ways of sending again have in common, as the engine takes it. */
export function replayBody(dryRun: unknown, { maxPerSecond }: IDataObject): IDataObject {
	return {
		...(maxPerSecond !== undefined && { max_per_second: maxPerSecond }),
		// An expression that comes to nothing sends nothing.
		...(dryRun !== false && { dry_run: true }),
	};
}

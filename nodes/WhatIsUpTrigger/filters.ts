import type { INodeProperties, IWebhookFunctions } from 'n8n-workflow';
import { isFromMe, type Envelope } from './output';
import { REASONS } from './reasons';

/** The events that tell a reason to choose by. */
const WITH_REASON = ['instance.disconnected', 'instance.failed', 'session.status'];
const WITH_LEVEL = ['instance.needs_attention'];

/** What keeps events from starting the workflow although they have been chosen. */
export const filterFields: INodeProperties[] = [
	{
		displayName: 'Ignore Messages From Me',
		name: 'ignoreFromMe',
		type: 'boolean',
		default: true,
		displayOptions: { show: { events: ['message.received'] } },
		description:
			'Whether to ignore what the account itself writes on its phone, so that a workflow that answers messages does not answer yours. Turn off to try it by writing to yourself.',
	},
	{
		displayName: 'Filters',
		name: 'filters',
		type: 'collection',
		placeholder: 'Add Filter',
		default: {},
		displayOptions: { show: { events: [...WITH_REASON, ...WITH_LEVEL] } },
		options: [
			{
				displayName: 'Minimum Level',
				name: 'minimumLevel',
				type: 'number',
				typeOptions: { minValue: 1 },
				default: 2,
				displayOptions: { show: { '/events': WITH_LEVEL } },
				description:
					'From which level on Instance Needs Attention starts the workflow: 1 is at once, 2 after 5 minutes, 3 after 30 minutes, and one more every 6 hours',
			},
			{
				displayName: 'Only These Reasons',
				name: 'reasons',
				type: 'multiOptions',
				options: REASONS,
				default: [],
				displayOptions: { show: { '/events': WITH_REASON } },
				description:
					'Start the workflow for these reasons only. Counts for Instance Disconnected, Instance Failed and Session Status Changed; none chosen means all.',
			},
		],
	},
];

/** Why an event shall not start the workflow; undefined when it shall. */
export function ignoredBecause(this: IWebhookFunctions, envelope: Envelope): string | undefined {
	const { event, data } = envelope;
	if (isFromMe(envelope) && this.getNodeParameter('ignoreFromMe', false) === true) {
		return 'ignored_from_me';
	}
	const { reasons = [], minimumLevel = 0 } = this.getNodeParameter('filters', {}) as Filters;
	if (WITH_REASON.includes(event) && reasons.length > 0 && !reasons.includes(data.reason)) {
		return 'ignored_reason';
	}
	if (WITH_LEVEL.includes(event) && Number(data.level) < minimumLevel) return 'ignored_level';
	return undefined;
}

interface Filters {
	readonly reasons?: readonly unknown[];
	readonly minimumLevel?: number;
}

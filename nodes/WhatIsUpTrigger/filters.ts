import type { INodeProperties, IWebhookFunctions } from 'n8n-workflow';
import {
	chatsField,
	ignoreNewslettersField,
	ignoreStatusesField,
	maxCallsField,
	maximumAgeField,
	orderedField,
} from '../WhatIsUp/shared/event-filters';
import { EVERY_EVENT } from '../WhatIsUp/shared/events';
import { isFromMe, type Envelope } from './output';
import { REASONS } from './reasons';

/** The events that tell a reason to choose by. */
const WITH_REASON = ['instance.disconnected', 'instance.failed', 'session.status'];
const WITH_LEVEL = ['instance.needs_attention'];
const MESSAGES = ['message.received', EVERY_EVENT];

/**
 * What keeps events from starting the workflow although they have been chosen. What is about
 * messages is told to the engine when the trigger registers, so that such events never leave it.
 */
export const filterFields: INodeProperties[] = [
	{
		displayName: 'Ignore Messages From Me',
		name: 'ignoreFromMe',
		type: 'boolean',
		default: true,
		displayOptions: { show: { events: MESSAGES } },
		description:
			'Whether to ignore what the account itself writes on its phone, so that a workflow that answers messages does not answer yours. Turn off to try it by writing to yourself.',
	},
	{ ...chatsField, displayOptions: { show: { events: MESSAGES } } },
	{
		displayName: 'Filters',
		name: 'filters',
		type: 'collection',
		placeholder: 'Add Filter',
		default: {},
		displayOptions: { show: { events: [...WITH_REASON, ...WITH_LEVEL, EVERY_EVENT] } },
		options: [
			{
				displayName: 'Minimum Level',
				name: 'minimumLevel',
				type: 'number',
				typeOptions: { minValue: 1 },
				default: 2,
				displayOptions: { show: { '/events': [...WITH_LEVEL, EVERY_EVENT] } },
				description:
					'From which level on Instance Needs Attention starts the workflow: 1 is at once, 2 after 5 minutes, 3 after 30 minutes, and one more every 6 hours',
			},
			{
				displayName: 'Only These Reasons',
				name: 'reasons',
				type: 'multiOptions',
				options: REASONS,
				default: [],
				displayOptions: { show: { '/events': [...WITH_REASON, EVERY_EVENT] } },
				description:
					'Start the workflow for these reasons only. Counts for Instance Disconnected, Instance Failed and Session Status Changed; none chosen means all.',
			},
		],
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		options: [
			{ ...ignoreNewslettersField, displayOptions: { show: { '/events': MESSAGES } } },
			{ ...ignoreStatusesField, displayOptions: { show: { '/events': MESSAGES } } },
			maxCallsField,
			maximumAgeField,
			orderedField,
		],
	},
];

/** The test that WhatIsUp sends when somebody asks it whether a URL works. */
const TEST_EVENT = 'webhook.test';

/** Why an event shall not start the workflow; undefined when it shall. */
export function ignoredBecause(this: IWebhookFunctions, envelope: Envelope): string | undefined {
	const { event, data } = envelope;
	// Who listens for a test event sees it like any other.
	if (event === TEST_EVENT && this.getMode() !== 'manual') return 'ignored_test';
	if (event === 'message.received') return ignoredMessage.call(this, envelope);

	const { reasons = [], minimumLevel = 0 } = this.getNodeParameter('filters', {}) as Filters;
	if (WITH_REASON.includes(event) && reasons.length > 0 && !reasons.includes(data.reason)) {
		return 'ignored_reason';
	}
	if (WITH_LEVEL.includes(event) && Number(data.level) < minimumLevel) return 'ignored_level';
	return undefined;
}

/** The engine has sorted these out already; hosted WhatIsUp may not. */
function ignoredMessage(this: IWebhookFunctions, envelope: Envelope): string | undefined {
	if (isFromMe(envelope) && this.getNodeParameter('ignoreFromMe', false) === true) {
		return 'ignored_from_me';
	}
	const chatType = String(envelope.data.chat_type ?? '');
	const chats = this.getNodeParameter('chats', 'all') as string;
	const options = this.getNodeParameter('options', {}) as Options;
	const { ignoreNewsletters = true, ignoreStatuses = true } = options;
	const isLeftOut =
		(chats === 'direct_only' && !['', 'direct'].includes(chatType)) ||
		(chats === 'groups_only' && !['', 'group'].includes(chatType)) ||
		(chatType === 'newsletter' && ignoreNewsletters) ||
		(chatType === 'status' && ignoreStatuses);
	return isLeftOut ? 'ignored_chat' : undefined;
}

interface Filters {
	readonly reasons?: readonly unknown[];
	readonly minimumLevel?: number;
}

interface Options {
	readonly ignoreNewsletters?: boolean;
	readonly ignoreStatuses?: boolean;
}

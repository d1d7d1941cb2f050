import {
	NodeConnectionTypes,
	type IHookFunctions,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
} from 'n8n-workflow';
import { searchInstances } from '../WhatIsUp/methods/listSearch';
import { EVENTS } from '../WhatIsUp/shared/events';
import { instanceField } from '../WhatIsUp/shared/fields';
import { filterFields } from './filters';
import { receive } from './reception';
import { checkExists, create, remove } from './subscription';
import { triggerPanel, WAITING } from './trigger-panel';

export class WhatIsUpTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'WhatIsUp Trigger',
		name: 'whatIsUpTrigger',
		icon: { light: 'file:../../icons/whatisup.svg', dark: 'file:../../icons/whatisup.dark.svg' },
		group: ['trigger'],
		version: 1,
		// Such as "Message Received, QR Updated". n8n works it out in the editor.
		subtitle:
			'={{ $parameter["events"].map((event) => event.replace(/[._]/g, " ").replace(/\\b./g, (first) => first.toUpperCase()).replace("Qr", "QR")).join(", ") }}',
		description: 'Starts the workflow when something happens on WhatsApp, such as a new message',
		defaults: { name: 'WhatIsUp Trigger' },
		eventTriggerDescription: WAITING,
		triggerPanel,
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'whatIsUpApi', required: true }],
		webhooks: [
			{
				name: 'default',
				httpMethod: 'POST',
				responseMode: 'onReceived',
				// Empty, or n8n answers with the literal text "firstEntryJson".
				responseData: '',
				path: 'whatisup',
			},
		],
		properties: [
			{
				displayName:
					'To try it, click the execute button, then write to your WhatsApp number from another phone. With a test key, let a simulated contact write.',
				name: 'tryNotice',
				type: 'notice',
				default: '',
				displayOptions: { show: { events: ['message.received'] } },
			},
			{
				displayName:
					'WhatIsUp calls n8n at the webhook URL above. If that is no public address, name its host in the setting WEBHOOK_ALLOW_PRIVATE of the engine. With a test key and n8n on the same machine, there is nothing to set.',
				name: 'reachabilityNotice',
				type: 'notice',
				default: '',
			},
			{
				displayName: 'Events',
				name: 'events',
				type: 'multiOptions',
				options: EVENTS,
				default: ['message.received'],
				required: true,
				description: 'What shall start the workflow',
			},
			{
				displayName: 'Listen To',
				name: 'listenTo',
				type: 'options',
				options: [
					{
						name: 'All Instances',
						value: 'allInstances',
						description: 'Every WhatsApp account of the API key, also those added later',
					},
					{
						name: 'One Instance',
						value: 'oneInstance',
						description: 'A single WhatsApp account',
					},
				],
				default: 'allInstances',
				description: 'Which WhatsApp accounts the workflow is about',
			},
			{ ...instanceField, displayOptions: { show: { listenTo: ['oneInstance'] } } },
			...filterFields,
		],
	};

	methods = { listSearch: { searchInstances } };

	webhookMethods = {
		default: {
			async checkExists(this: IHookFunctions): Promise<boolean> {
				return await checkExists.call(this);
			},
			async create(this: IHookFunctions): Promise<boolean> {
				return await create.call(this);
			},
			async delete(this: IHookFunctions): Promise<boolean> {
				return await remove.call(this);
			},
		},
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return await receive.call(this);
	}
}

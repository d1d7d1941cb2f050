import {
	NodeConnectionTypes,
	type IHookFunctions,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
} from 'n8n-workflow';
import { searchInstances } from '../WhatIsUp/methods/listSearch';
import { getInstances } from '../WhatIsUp/methods/loadOptions';
import { EVERY_EVENT, SUBSCRIBABLE } from '../WhatIsUp/shared/events';
import { instanceField, instancesField } from '../WhatIsUp/shared/fields';
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
			'={{ $parameter["events"].map((event) => event.replace("*", "all events").replace(/[._]/g, " ").replace(/\\b./g, (first) => first.toUpperCase()).replace("Qr", "QR")).join(", ") }}',
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
				displayOptions: { show: { events: ['message.received', EVERY_EVENT] } },
			},
			{
				displayName: 'Events',
				name: 'events',
				type: 'multiOptions',
				options: SUBSCRIBABLE,
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
					{
						name: 'Several Instances',
						value: 'someInstances',
						description: 'Some WhatsApp accounts, and none that is added later',
					},
				],
				default: 'allInstances',
				description: 'Which WhatsApp accounts the workflow is about',
			},
			{ ...instanceField, displayOptions: { show: { listenTo: ['oneInstance'] } } },
			{
				...instancesField,
				required: true,
				displayOptions: { show: { listenTo: ['someInstances'] } },
				description:
					'The WhatsApp accounts to listen to. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			...filterFields,
			{
				displayName:
					'WhatIsUp calls n8n at the webhook URL above. If that is no public address, name its host in the setting WEBHOOK_ALLOW_PRIVATE of the engine. With a test key and n8n on the same machine, there is nothing to set.',
				name: 'reachabilityNotice',
				type: 'notice',
				default: '',
			},
		],
	};

	methods = { listSearch: { searchInstances }, loadOptions: { getInstances } };

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

import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { delivery } from './actions/delivery/Delivery.resource';
import { group } from './actions/group/Group.resource';
import { instance } from './actions/instance/Instance.resource';
import { message } from './actions/message/Message.resource';
import { router } from './actions/router';
import { webhookEndpoint } from './actions/webhookEndpoint/WebhookEndpoint.resource';
import { searchEndpoints, searchGroups, searchInstances } from './methods/listSearch';
import { getInstances } from './methods/loadOptions';

/** What is used first comes first. */
const RESOURCES: INodePropertyOptions[] = [
	{
		name: 'Message',
		value: 'message',
		description: 'A WhatsApp message',
	},
	{
		name: 'Instance',
		value: 'instance',
		description: 'A WhatsApp account that is linked with a QR code',
	},
	{
		name: 'Group',
		value: 'group',
		description: 'WhatsApp accounts that stand in for each other',
	},
	{
		name: 'Webhook Endpoint',
		value: 'webhookEndpoint',
		description: 'A URL that events are sent to: that of a trigger, or one of another program',
	},
	{
		name: 'Delivery',
		value: 'delivery',
		description: 'An event on its way to a workflow or another receiver',
	},
];

export class WhatIsUp implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'WhatIsUp',
		name: 'whatIsUp',
		icon: { light: 'file:../../icons/whatisup.svg', dark: 'file:../../icons/whatisup.dark.svg' },
		group: ['output'],
		version: 1,
		// Such as "Get QR Code: instance". n8n works it out in the editor, from these two alone.
		subtitle:
			'={{ $parameter["operation"].replace(/[A-Z]/g, " $&").replace("Qr", "QR").replace(/^./, (first) => first.toUpperCase()) + ": " + $parameter["resource"].replace(/[A-Z]/g, " $&").toLowerCase() }}',
		description: 'Link WhatsApp accounts and send WhatsApp messages',
		defaults: { name: 'WhatIsUp' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'whatIsUpApi', required: true }],
		properties: [
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				options: RESOURCES,
				default: 'message',
			},
			...message.description,
			...instance.description,
			...group.description,
			...webhookEndpoint.description,
			...delivery.description,
		],
	};

	methods = {
		listSearch: { searchEndpoints, searchGroups, searchInstances },
		loadOptions: { getInstances },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return await router.call(this);
	}
}

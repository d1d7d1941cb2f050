import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { description as delivery } from './actions/delivery/Delivery.resource';
import { description as instance } from './actions/instance/Instance.resource';
import { description as message } from './actions/message/Message.resource';
import { router } from './actions/router';
import { searchInstances } from './methods/listSearch';

export class WhatIsUp implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'WhatIsUp',
		name: 'whatIsUp',
		icon: { light: 'file:../../icons/whatisup.svg', dark: 'file:../../icons/whatisup.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
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
				options: [
					{
						name: 'Delivery',
						value: 'delivery',
						description: 'An event on its way to a workflow or another receiver',
					},
					{
						name: 'Instance',
						value: 'instance',
						description: 'A WhatsApp account that is linked with a QR code',
					},
					{
						name: 'Message',
						value: 'message',
						description: 'A WhatsApp message',
					},
				],
				default: 'message',
			},
			...delivery,
			...instance,
			...message,
		],
	};

	methods = { listSearch: { searchInstances } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return await router.call(this);
	}
}

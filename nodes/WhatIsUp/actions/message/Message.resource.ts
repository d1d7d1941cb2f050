import type { INodeProperties } from 'n8n-workflow';
import * as get from './get.operation';
import * as sendText from './sendText.operation';

export const operations = { get: get.execute, sendText: sendText.execute };

export const description: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['message'] } },
		options: [get.option, sendText.option],
		default: 'sendText',
	},
	...get.description,
	...sendText.description,
];

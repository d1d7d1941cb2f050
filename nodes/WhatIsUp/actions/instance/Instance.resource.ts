import type { INodeProperties } from 'n8n-workflow';
import * as create from './create.operation';
import * as remove from './delete.operation';
import * as get from './get.operation';
import * as getMany from './getMany.operation';
import * as getQrCode from './getQrCode.operation';
import * as start from './start.operation';
import * as stop from './stop.operation';

export const operations = {
	create: create.execute,
	delete: remove.execute,
	get: get.execute,
	getMany: getMany.execute,
	getQrCode: getQrCode.execute,
	start: start.execute,
	stop: stop.execute,
};

export const description: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['instance'] } },
		options: [
			create.option,
			remove.option,
			get.option,
			getMany.option,
			getQrCode.option,
			start.option,
			stop.option,
		],
		default: 'getMany',
	},
	...create.description,
	...remove.description,
	...get.description,
	...getMany.description,
	...getQrCode.description,
	...start.description,
	...stop.description,
];

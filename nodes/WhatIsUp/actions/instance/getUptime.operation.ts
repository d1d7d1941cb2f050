import {
	updateDisplayOptions,
	type IDataObject,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { instanceField, textOf } from '../../shared/fields';
import { instantIn } from '../../shared/instant';
import { engineRequestAll } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Get Uptime',
	value: 'getUptime',
	action: 'Get the uptime of instances',
	description:
		'Get how much of the time accounts were connected, how often they dropped and why, one item for each',
};

const DAY_MS = 24 * 60 * 60_000;

const DAYS: Readonly<Record<string, number>> = { lastDay: 1, lastWeek: 7, lastMonth: 30 };

const fields: INodeProperties[] = [
	{
		displayName: 'Period',
		name: 'period',
		type: 'options',
		options: [
			{ name: 'Last 24 Hours', value: 'lastDay' },
			{ name: 'Last 7 Days', value: 'lastWeek' },
			{ name: 'Last 30 Days', value: 'lastMonth' },
			{ name: 'Custom', value: 'custom' },
		],
		default: 'lastDay',
		description: 'Which time to look at',
	},
	{
		displayName: 'From',
		name: 'from',
		type: 'dateTime',
		default: '',
		required: true,
		displayOptions: { show: { period: ['custom'] } },
		description: 'When the time begins, at most 31 days before it ends',
	},
	{
		displayName: 'To',
		name: 'to',
		type: 'dateTime',
		default: '',
		displayOptions: { show: { period: ['custom'] } },
		description: 'When the time ends. Leave empty for now.',
	},
	{
		displayName: 'Include Hourly Values',
		name: 'includeHourly',
		type: 'boolean',
		default: false,
		description: 'Whether to tell the uptime of every single hour, too, as for a heat map',
	},
	{
		displayName: 'Filters',
		name: 'filters',
		type: 'collection',
		placeholder: 'Add Filter',
		default: {},
		options: [{ ...instanceField, required: false, description: 'Only this account' }],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['getUptime'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const period = periodOf.call(this, itemIndex);
	const instance = this.getNodeParameter('filters.instance', itemIndex, '', { extractValue: true });
	const filters = { ...period, instance_id: textOf(instance) };

	const rows = await engineRequestAll.call(this, '/v1/uptime', filters);
	const includesHourly = this.getNodeParameter('includeHourly', itemIndex) === true;
	return this.helpers.returnJsonArray(
		rows.map((row) => ({ ...(includesHourly ? row : withoutHourly(row)), ...period })),
	);
}

function withoutHourly(row: IDataObject): IDataObject {
	return Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'hourly'));
}

/** Both ends are fixed here, so that all pages of a long list speak of the same time. */
function periodOf(this: IExecuteFunctions, itemIndex: number): { from: string; to: string } {
	const days = DAYS[String(this.getNodeParameter('period', itemIndex))];
	if (days !== undefined) {
		const now = Date.now();
		const from = new Date(now - days * DAY_MS).toISOString();
		return { from, to: new Date(now).toISOString() };
	}
	const to: unknown = this.getNodeParameter('to', itemIndex);
	return {
		from: instantIn.call(this, 'From', this.getNodeParameter('from', itemIndex), itemIndex),
		to: to ? instantIn.call(this, 'To', to, itemIndex) : new Date().toISOString(),
	};
}

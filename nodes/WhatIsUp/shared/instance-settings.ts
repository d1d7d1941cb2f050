import {
	NodeOperationError,
	type IDataObject,
	type IExecuteFunctions,
	type INodeProperties,
} from 'n8n-workflow';
import { textOf } from './fields';
import { digitsIn, noPhoneNumber } from './phone-number';

/** What can be set when an instance is created, and changed later. */
export const settingFields: INodeProperties[] = [
	{
		displayName: 'Expected Phone Number',
		name: 'expectedPhoneNumber',
		type: 'string',
		default: '',
		placeholder: 'e.g. +55 11 99999-9999',
		description:
			'The only number that may be linked: when another phone scans the QR code, it is unlinked at once. Leave empty to allow any.',
	},
	{
		displayName: 'Group',
		name: 'group',
		type: 'string',
		default: '',
		placeholder: 'e.g. Support',
		description:
			'Accounts of the same group stand in for each other when a message is sent through the group. Leave empty for none.',
	},
	{
		displayName: 'Heal by Itself',
		name: 'healEnabled',
		type: 'boolean',
		default: true,
		description: 'Whether WhatIsUp restarts the account by itself when its connection has failed',
	},
	{
		displayName: 'Max Restarts per Hour',
		name: 'maxRestartsPerHour',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 60 },
		default: 6,
		description: 'How often WhatIsUp may restart the account by itself within an hour',
	},
	{
		displayName: 'Metadata',
		name: 'metadata',
		type: 'json',
		default: '{}',
		description:
			'Your own data about the account, as a JSON object. WhatIsUp keeps it and hands it back.',
	},
	{
		displayName: 'Priority',
		name: 'priority',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1000 },
		default: 100,
		description: 'Whose turn it is in the group: the account with the lowest number sends first',
	},
	{
		displayName: 'Proxy URL',
		name: 'proxyUrl',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		placeholder: 'e.g. socks5://user:password@proxy.example.com:1080',
		description:
			'The http, https or socks5 proxy to connect through. User and password are not shown again. Leave empty for none.',
	},
	{
		displayName: 'Scheduled Restart',
		name: 'scheduledRestart',
		type: 'fixedCollection',
		placeholder: 'Add Schedule',
		default: {},
		description: 'A restart in a quiet hour, whether something is wrong or not',
		options: [
			{
				displayName: 'Schedule',
				name: 'schedule',
				values: [
					{
						displayName: 'Cron Expression',
						name: 'cron',
						type: 'string',
						default: '',
						placeholder: 'e.g. 0 4 * * *',
						description:
							'When to restart: 0 4 * * * is every day at four in the morning, 30 3 * * 0 is Sundays at half past three. Leave empty to restart no more.',
					},
					{
						displayName: 'Time Zone',
						name: 'timeZone',
						type: 'string',
						default: '',
						placeholder: 'e.g. America/Sao_Paulo',
						description: 'Where it is that time. Leave empty for the time zone of the workflow.',
					},
				],
			},
		],
	},
];

/** The settings in the named collection, as the engine takes them. What is empty is taken away. */
export function settingsOf(
	this: IExecuteFunctions,
	collection: string,
	itemIndex: number,
): IDataObject {
	const given = this.getNodeParameter(collection, itemIndex, {}) as IDataObject;
	const { expectedPhoneNumber, group, metadata, priority, proxyUrl } = given;
	const heal = healingOf(given, this.getTimezone());
	return {
		...(metadata !== undefined && { metadata: objectOf.call(this, metadata, itemIndex) }),
		...(group !== undefined && { group: textOf(group) || null }),
		...(priority !== undefined && { priority }),
		...(expectedPhoneNumber !== undefined && {
			expected_phone_number: phoneNumberOf.call(this, expectedPhoneNumber, itemIndex),
		}),
		...(Object.keys(heal).length > 0 && { heal }),
		...(proxyUrl !== undefined && { proxy: textOf(proxyUrl) ? { url: textOf(proxyUrl) } : null }),
	};
}

function healingOf(
	{ healEnabled, maxRestartsPerHour, scheduledRestart }: IDataObject,
	ownTimeZone: string,
): IDataObject {
	const { schedule } = (scheduledRestart ?? {}) as { schedule?: IDataObject };
	const cron = textOf(schedule?.cron);
	const time_zone = textOf(schedule?.timeZone) || ownTimeZone;
	return {
		...(healEnabled !== undefined && { enabled: healEnabled }),
		...(maxRestartsPerHour !== undefined && { max_restarts_per_hour: maxRestartsPerHour }),
		...(schedule && { scheduled_restart: cron === '' ? null : { cron, time_zone } }),
	};
}

function phoneNumberOf(this: IExecuteFunctions, value: unknown, itemIndex: number): string | null {
	const given = textOf(value);
	if (given === '') return null;
	const digits = digitsIn(given);
	if (digits !== undefined) return digits;
	throw noPhoneNumber.call(this, given, { what: 'phone number', itemIndex });
}

/** A JSON field holds a text when typed in, and may hold an object when it is an expression. */
function objectOf(this: IExecuteFunctions, metadata: unknown, itemIndex: number): IDataObject {
	const value = typeof metadata === 'string' ? parse(metadata) : metadata;
	if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
		return value as IDataObject;
	}
	throw new NodeOperationError(this.getNode(), 'The metadata is not a JSON object', {
		description: 'It looks like this: {"team": "sales", "priority": 1}',
		itemIndex,
	});
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

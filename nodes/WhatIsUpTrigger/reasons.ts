import type { INodePropertyOptions } from 'n8n-workflow';

/** Why an account is not connected, or was connected anew: `reason` in the events about it. */
export const REASONS: INodePropertyOptions[] = [
	{ name: 'Banned', value: 'banned', description: 'WhatsApp has banned the account' },
	{
		name: 'Client Outdated',
		value: 'client_outdated',
		description: 'WhatsApp wants a newer version of WhatIsUp',
	},
	{ name: 'Connection Lost', value: 'connection_lost', description: 'The network went away' },
	{
		name: 'Connection Timed Out',
		value: 'connection_timed_out',
		description: 'WhatsApp did not answer in time',
	},
	{
		name: 'Engine Restarted',
		value: 'engine_restarted',
		description: 'WhatIsUp itself was restarted',
	},
	{
		name: 'Healed',
		value: 'healed',
		description: 'WhatIsUp restarted the account by itself',
	},
	{
		name: 'Logged Out',
		value: 'logged_out',
		description: 'Someone removed the link on the phone. A new QR code has to be scanned.',
	},
	{
		name: 'Logged Out by User',
		value: 'logged_out_by_user',
		description: 'The account was unlinked through WhatIsUp',
	},
	{
		name: 'Pairing Timed Out',
		value: 'pairing_timed_out',
		description: 'Nobody scanned the QR code in time',
	},
	{
		name: 'Passkey Required',
		value: 'passkey_required',
		description: 'The phone asks for a passkey, which cannot be given from here',
	},
	{
		name: 'Replaced',
		value: 'replaced',
		description: 'The session was opened somewhere else',
	},
	{
		name: 'Restart Required',
		value: 'restart_required',
		description: 'WhatsApp asked to connect anew',
	},
	{
		name: 'Restarted by User',
		value: 'restarted_by_user',
		description: 'The account was restarted through WhatIsUp',
	},
	{
		name: 'Restricted',
		value: 'restricted',
		description: 'WhatsApp throttles the account for a while',
	},
	{ name: 'Server Error', value: 'server_error', description: 'WhatsApp had an error' },
	{
		name: 'Service Unavailable',
		value: 'service_unavailable',
		description: 'WhatsApp was not available',
	},
	{
		name: 'Stopped by User',
		value: 'stopped_by_user',
		description: 'The account was stopped through WhatIsUp',
	},
	{
		name: 'Stuck',
		value: 'stuck',
		description: 'Connecting took so long that WhatIsUp began anew',
	},
	{
		name: 'Wrong Phone',
		value: 'identity_mismatch',
		description: 'Another phone than the expected one scanned the QR code',
	},
];

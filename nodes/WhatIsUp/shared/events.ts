import type { INodePropertyOptions } from 'n8n-workflow';
import { textOf } from './fields';

/** Every event that the engine can deliver; those that most workflows begin with come first. */
export const EVENTS: INodePropertyOptions[] = [
	{
		name: 'Message Received',
		value: 'message.received',
		description: 'Someone wrote to an account, in a direct chat or in a group',
	},
	{
		name: 'Message Sent',
		value: 'message.sent',
		description: 'WhatsApp accepted a message that was sent',
	},
	{
		name: 'Message Failed',
		value: 'message.failed',
		description: 'A message could not be sent. Tells why.',
	},
	{
		name: 'QR Code Updated',
		value: 'qr.updated',
		description: 'A new QR code is ready to be scanned with the phone',
	},
	{
		name: 'Instance Connected',
		value: 'instance.connected',
		description: 'An account is connected to WhatsApp and can send and receive',
	},
	{
		name: 'Instance Disconnected',
		value: 'instance.disconnected',
		description: 'An account lost its connection. Tells why, and whether it reconnects by itself.',
	},
	{
		name: 'Instance Failed',
		value: 'instance.failed',
		description: 'An account could not be connected and no longer tries. Tells why.',
	},
	{
		name: 'Instance Needs Attention',
		value: 'instance.needs_attention',
		description:
			'An account waits for a person, such as for a scan. Comes again, with a higher level, after 5 and 30 minutes and then every 6 hours.',
	},
	{
		name: 'Instance Restricted',
		value: 'instance.restricted',
		description: 'WhatsApp lets an account send nothing for a while. Tells until when.',
	},
	{
		name: 'Instance Healed',
		value: 'instance.healed',
		description: 'WhatIsUp restarted an account by itself. Tells what for.',
	},
	{
		name: 'Instance Healing Exhausted',
		value: 'instance.heal_exhausted',
		description:
			'WhatIsUp has restarted an account as often as it may in an hour. Tells when it tries again.',
	},
	{
		name: 'Session Status Changed',
		value: 'session.status',
		description:
			'The state of an account changed, to whatever it was. Tells the state before, too.',
	},
	{
		name: 'Endpoint Disabled',
		value: 'endpoint.disabled',
		description:
			'WhatIsUp stopped sending events to a URL that said it is gone, or that failed for days. Tells which and why.',
	},
];

/** All events by one name, those of later versions included. */
export const EVERY_EVENT = '*';

/** What an endpoint can ask for. */
export const SUBSCRIBABLE: INodePropertyOptions[] = [
	...EVENTS,
	{
		name: 'All Events',
		value: EVERY_EVENT,
		description: 'Everything that happens, also what later versions of WhatIsUp add',
	},
];

/** The chosen events, as the engine takes them. An expression may hand over a single one. */
export function eventsIn(value: unknown): string[] {
	const events = [value].flat().map(textOf).filter(Boolean);
	return events.includes(EVERY_EVENT) ? [EVERY_EVENT] : [...new Set(events)];
}

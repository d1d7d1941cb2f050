import type { INodePropertyOptions } from 'n8n-workflow';

/** Every event that the engine can deliver, sorted by name as n8n's lists are. */
export const EVENTS: INodePropertyOptions[] = [
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
		name: 'Message Failed',
		value: 'message.failed',
		description: 'A message could not be sent. Tells why.',
	},
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
		name: 'QR Code Updated',
		value: 'qr.updated',
		description: 'A new QR code is ready to be scanned with the phone',
	},
];

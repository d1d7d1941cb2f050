import type { IDataObject } from 'n8n-workflow';

/** An instance as a person knows it, such as "Shop (+5511999999999, connected)". */
export function instanceLabel(instance: IDataObject): string {
	const { name, id, phone_number: phone } = instance;
	const facts = [phone && `+${String(phone).replace(/^\+/, '')}`, conditionOf(instance)]
		.filter(Boolean)
		.join(', ');
	return `${String(name || id)}${facts && ` (${facts})`}`;
}

/** Hosted WhatIsUp tells no `state`, only the coarser `status`. */
function conditionOf({ state, status }: IDataObject): string {
	return WORDS[String(state)] ?? WORDS[String(status)] ?? '';
}

const WORDS: Readonly<Record<string, string>> = {
	pending: 'not linked yet',
	qr: 'waiting for the QR code to be scanned',
	starting: 'connecting',
	reconnecting: 'reconnecting',
	connecting: 'connecting',
	connected: 'connected',
	stopped: 'stopped',
	logged_out: 'unlinked',
	disconnected: 'disconnected',
	failed: 'failed',
};

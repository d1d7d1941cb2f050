import type { PairingStep } from '../../app/pairing-view.ts';
import type { StatusReason } from '../../domain/instance.ts';

/** What the page says when there is nothing to scan or to type. */
export interface Message {
	readonly icon: 'spinner' | 'tick' | 'clock' | 'pause' | 'alarm' | 'broken';
	readonly title: string;
	readonly text: string;
	/** Instead of `text` where the end of the linked number is known, for `{digits}`. */
	readonly textWithDigits?: string;
	/** Shown where the engine lets the holder of the link start the instance. */
	readonly button?: string;
}

const AGAIN = 'Show a new code';

/** By the step of the pairing, and for some steps by the reason; whoever reads it is no engineer. */
export const MESSAGES: Readonly<
	Record<Exclude<PairingStep, 'waiting' | 'scan'> | 'gone', Message> &
		Partial<Record<StatusReason, Message>>
> = {
	connecting: {
		icon: 'spinner',
		title: 'Phone found',
		text: 'Connecting. Keep WhatsApp open on the phone for a moment.',
	},
	connected: {
		icon: 'tick',
		title: 'Connected',
		text: 'The phone is linked. You can close this page.',
		textWithDigits: 'The phone number ending in {digits} is linked. You can close this page.',
	},
	idle: {
		icon: 'clock',
		title: 'The code has run out',
		text: 'Nobody used it in time. Get a new one as soon as the phone is at hand.',
		button: AGAIN,
	},
	logged_out: {
		icon: 'clock',
		title: 'Not linked any more',
		text: 'The phone was unlinked. Show a new code to link it again, or another one.',
		button: AGAIN,
	},
	stopped: {
		icon: 'pause',
		title: 'On hold',
		text: 'Whoever sent you this link has switched the connection off for now. This page goes on by itself once it is switched on again.',
	},
	replaced: {
		icon: 'pause',
		title: 'In use elsewhere',
		text: 'WhatsApp says that another program has taken over this connection. Ask whoever sent you this link.',
	},
	failed: {
		icon: 'alarm',
		title: 'That did not work',
		text: 'The connection to WhatsApp failed.',
		button: 'Try again',
	},
	identity_mismatch: {
		icon: 'alarm',
		title: 'That was another phone',
		text: 'This link is meant for another phone number. The phone that was just linked has been unlinked again, and none of its messages were read.',
		button: AGAIN,
	},
	passkey_required: {
		icon: 'alarm',
		title: 'WhatsApp asks for a passkey',
		text: 'WhatsApp lets this account link devices with its passkey only, and a passkey cannot be used here. Link another number, or ask whoever sent you this link.',
		button: 'Link another number',
	},
	banned: {
		icon: 'alarm',
		title: 'WhatsApp has blocked this account',
		text: 'It cannot be linked. WhatsApp says on the phone why, and what can be done.',
	},
	client_outdated: {
		icon: 'alarm',
		title: 'Not possible at the moment',
		text: 'WhatsApp does not accept the version that is in use here. Ask whoever sent you this link to update it.',
	},
	gone: {
		icon: 'broken',
		title: 'This link is not valid any more',
		text: 'A link works once, and for 30 minutes. Ask whoever sent it to you for a new one.',
	},
};

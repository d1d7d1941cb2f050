import { randomBytes } from 'node:crypto';
import {
	S_WHATSAPP_NET,
	type AuthenticationCreds,
	type BinaryNode,
	type WASocket,
} from '@whiskeysockets/baileys';

export interface PairingNotices {
	/** The QR code at hand is void; it has to be shown anew, with `currentQr`. */
	readonly secretChanged: () => void;
	/** WhatsApp wants a passkey, which only its own web site can present: no way leads on. */
	readonly passkeyRequired: () => void;
}

const SECRET_BYTES = 32;

/** Where the secret stands among the comma-separated fields of a QR code. */
const SECRET_FIELD = 3;

/** How long to wait for a refusal; what WhatsApp accepts it often does not answer at all. */
const REFUSAL_PATIENCE_MS = 5_000;

/**
 * What WhatsApp tells a companion that is not linked yet and Baileys 7.0.0-rc14 does not listen to.
 *
 * It may declare the secret in the QR code void. Without a new one every scan fails, with nothing to
 * be seen on this side. And it may ask for a passkey: the phone then waits for a web site, the
 * socket for the phone, and the QR codes run out as if nobody had scanned.
 */
export function watchPairing(
	sock: WASocket,
	creds: AuthenticationCreds,
	notices: PairingNotices,
): void {
	sock.ws.on('CB:notification,type:companion_reg_refresh', (node: BinaryNode) => {
		if (!isFromWhatsApp(node) || creds.account) return;
		creds.advSecretKey = randomBytes(SECRET_BYTES).toString('base64');
		sock.ev.emit('creds.update', { advSecretKey: creds.advSecretKey });
		acknowledge(sock, node).catch(() => undefined);
		notices.secretChanged();
	});
	for (const type of ['passkey_prologue_request', 'crsc_continuation']) {
		sock.ws.on(`CB:notification,type:${type}`, (node: BinaryNode) => {
			if (isFromWhatsApp(node) && !creds.account) notices.passkeyRequired();
		});
	}
}

/** The code with the secret that counts now: Baileys reads it once per connection. */
export function currentQr(qr: string, { advSecretKey }: AuthenticationCreds): string {
	const [prefix, data] = qr.includes('#') ? splitOnce(qr) : ['', qr];
	const fields = data.split(',');
	fields[SECRET_FIELD] = advSecretKey;
	return prefix + fields.join(',');
}

/** Baileys answers as soon as the request is written; WhatsApp may still refuse it. */
export async function requestPairingCode(sock: WASocket, phoneNumber: string): Promise<string> {
	let refuse: (() => void) | undefined;
	let accept: (() => void) | undefined;
	let timer: NodeJS.Timeout | undefined;
	const answer = new Promise<void>((resolve, reject) => {
		refuse = () => reject(new Error('WhatsApp refused to make a pairing code'));
		accept = resolve;
		timer = setTimeout(resolve, REFUSAL_PATIENCE_MS);
	});
	sock.ws.once('CB:iq,type:error', refuse!);
	sock.ws.once('CB:iq,type:result,link_code_companion_reg', accept!);
	try {
		const code = await sock.requestPairingCode(phoneNumber);
		await answer;
		return code;
	} finally {
		clearTimeout(timer);
		sock.ws.off('CB:iq,type:error', refuse!);
		sock.ws.off('CB:iq,type:result,link_code_companion_reg', accept!);
	}
}

/** Written with and without the at sign in what others have recorded. */
function isFromWhatsApp({ attrs: { from } }: BinaryNode): boolean {
	return from === S_WHATSAPP_NET || `@${from ?? ''}` === S_WHATSAPP_NET;
}

async function acknowledge(sock: WASocket, { attrs }: BinaryNode): Promise<void> {
	await sock.sendNode({
		tag: 'ack',
		attrs: {
			id: attrs['id'] ?? '',
			to: S_WHATSAPP_NET,
			class: 'notification',
			type: attrs['type'] ?? '',
		},
	});
}

function splitOnce(qr: string): [string, string] {
	const at = qr.indexOf('#') + 1;
	return [qr.slice(0, at), qr.slice(at)];
}

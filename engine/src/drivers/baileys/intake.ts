import { isJidNewsletter, type BinaryNode, type WASocket } from '@whiskeysockets/baileys';
import { Stretches } from './stretches.ts';

/** Inbound stanzas, handed to Baileys strictly one after another. */
export interface IntakeOptions {
	/** Whether an earlier run already has the message in this stanza. */
	readonly isKnown: (node: BinaryNode) => Promise<boolean>;
	/** Remembers, until it is decrypted, which stanza a ciphertext came in. */
	readonly expect: (node: BinaryNode) => void;
	/** Takes what came unencrypted; before it is durable no acknowledgement leaves. */
	readonly keepPlaintext: (node: BinaryNode, plaintext: Uint8Array) => void;
	/** Whether there is nobody left to acknowledge to. What has not been looked at comes again. */
	readonly isClosed: () => boolean;
	readonly failed: (error: unknown) => void;
}

const MESSAGE = 'CB:message';

/** Of all sessions together. */
const STRETCHES = new Stretches();

/**
 * Steps between the socket and Baileys' own listener for messages, for three reasons.
 *
 * Order: Baileys starts on a stanza before it is done with the last one, and one contact's messages
 * overtake each other when they alternate between the two ways of addressing. What was queued while
 * we were away it puts on a list of its own, which new ones overtake; without the mark `offline`
 * they take the same way as the rest.
 *
 * Memory: a redelivered message that is stored already is acknowledged again and goes no further.
 * Baileys could not decrypt it a second time and would ask the sender to repeat it.
 *
 * Context: the Signal repository sees a ciphertext only, its journal entry needs the whole stanza.
 */
export function interceptMessages(sock: WASocket, options: IntakeOptions): void {
	const [deliver] = sock.ws.listeners(MESSAGE) as ((node: BinaryNode) => Promise<void>)[];
	if (!deliver) throw new Error('Baileys no longer listens to CB:message');
	sock.ws.removeAllListeners(MESSAGE);

	let last = Promise.resolve();
	sock.ws.on(MESSAGE, (node: BinaryNode) => {
		last = last.then(() => take(node)).catch(options.failed);
	});

	async function take(node: BinaryNode): Promise<void> {
		await STRETCHES.mine();
		if (options.isClosed()) return;
		const { offline, ...attrs } = node.attrs;
		const stanza: BinaryNode = { ...node, attrs };
		if (offline !== undefined && (await options.isKnown(stanza))) {
			await acknowledgeAgain(sock, stanza);
			return;
		}
		options.expect(stanza);
		const plaintext = childBytes(stanza, 'plaintext');
		if (plaintext) options.keepPlaintext(stanza, plaintext);
		await deliver!(stanza);
	}
}

/** The ciphertexts of a stanza, one for each way the sender encrypted it for us. */
export function ciphertexts(node: BinaryNode): Uint8Array[] {
	return children(node)
		.filter((child) => child.tag === 'enc' && child.content instanceof Uint8Array)
		.map((child) => child.content as Uint8Array);
}

async function acknowledgeAgain(sock: WASocket, node: BinaryNode): Promise<void> {
	const { from, participant, recipient, id } = node.attrs;
	// A newsletter's posts are acknowledged, but nobody is told that we have them.
	if (from && id && !recipient && !isJidNewsletter(from)) {
		await sock.sendReceipt(from, participant, [id], 'inactive');
	} else {
		await sock.sendMessageAck(node);
	}
}

function childBytes(node: BinaryNode, tag: string): Uint8Array | undefined {
	const content = children(node).find((child) => child.tag === tag)?.content;
	return content instanceof Uint8Array ? content : undefined;
}

function children(node: BinaryNode): BinaryNode[] {
	return Array.isArray(node.content) ? node.content : [];
}

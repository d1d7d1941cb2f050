import type { WASocket } from '@whiskeysockets/baileys';

interface RawSocket {
	send(bytes: Uint8Array, sent?: (error?: Error) => void): void;
}

/**
 * Lets nothing out before the disk has what led to it.
 *
 * A receipt makes WhatsApp forget a message, and a ciphertext uses up a key: neither may leave
 * while the plaintext, or the ratchet's step, could still be lost. Baileys is told at once that a
 * frame is on its way, so it goes on to the next stanza while the last one is being written. What
 * it then changes shares a commit, which costs about as much for one message as for thirty.
 *
 * Frames keep their order, as each is encrypted under a counter. When a change cannot be written,
 * nothing leaves any more.
 */
export class OutputGate {
	#last: Promise<void> = Promise.resolve();
	#waiting = 0;

	/** `durable`: when all that has changed so far is on the disk; `undefined` if it is by now. */
	constructor(sock: WASocket, durable: () => Promise<void> | undefined) {
		// Baileys has taken hold of its own `send`, so this stands in for the socket's below it.
		const { socket } = sock.ws as unknown as { socket: RawSocket };
		const send = socket.send.bind(socket);
		socket.send = (bytes, sent) => {
			const written = durable();
			if (!written && this.#waiting === 0) {
				send(bytes, sent);
				return;
			}
			this.#waiting++;
			this.#last = Promise.all([this.#last, written]).then(() => {
				this.#waiting--;
				send(bytes);
			});
			this.#last.catch(() => undefined);
			sent?.();
		};
	}

	/** Resolves when every frame so far has left; throws when they never will. */
	drained(): Promise<void> {
		return this.#last;
	}
}

import {
	decodeBinaryNode,
	encodeBinaryNode,
	NOISE_WA_HEADER,
	type BinaryNode,
	type proto,
} from '@whiskeysockets/baileys';
import type { RawData, WebSocket } from 'ws';
import type { ServerIdentity } from './certificate-chain.ts';
import { NoiseResponder, type NoiseTransport } from './noise-responder.ts';
import { ProtocolViolation } from './stanza.ts';

/** Larger than any stanza of a client; what it sends in one go is bounded by this, too. */
export const MAX_FRAME_BYTES = 2 * 1024 * 1024;

const HANDSHAKE_TIMEOUT_MS = 20_000;
const CLOSE_TIMEOUT_MS = 1_000;
const LENGTH_BYTES = 3;
const COMPRESSED = 2;
const ROUTING_MARK = Buffer.from('ED');
const ROUTING_HEADER_BYTES = 7;

export interface ConnectionEvents {
	/** The handshake is complete. */
	readonly opened: (connection: Connection, payload: proto.ClientPayload) => void;
	/** Called for one stanza after the other; the next one waits for the answer. */
	readonly received: (connection: Connection, node: BinaryNode) => Promise<void> | void;
	/** Called once. `reason` tells why the network closed it, if it did so because of an error. */
	readonly closed: (connection: Connection, reason: Error | undefined) => void;
}

/**
 * One client's WebSocket, from its first byte to its last: the handshake, then stanzas.
 *
 * On the wire every frame is three bytes of length and that many bytes. Frames and WebSocket
 * messages need not coincide. Whatever is malformed ends this connection and no other.
 */
export class Connection {
	/** What `?device=` said when the socket was opened. */
	readonly label: string | null;
	readonly #socket: WebSocket;
	readonly #events: ConnectionEvents;
	readonly #noise: NoiseResponder;
	readonly #handshakeTimer: NodeJS.Timeout;
	#closeTimer: NodeJS.Timeout | undefined;
	#clientStatic: Buffer | undefined;
	#transport: NoiseTransport | undefined;
	#unread: Buffer = Buffer.alloc(0);
	#expects: 'intro' | 'hello' | 'finish' | 'stanzas' = 'intro';
	readonly #frames: Buffer[] = [];
	#handling = false;
	#closed = false;
	#silent = false;

	constructor(
		socket: WebSocket,
		label: string | null,
		identity: ServerIdentity,
		events: ConnectionEvents,
	) {
		this.label = label;
		this.#socket = socket;
		this.#events = events;
		this.#noise = new NoiseResponder(identity);
		this.#handshakeTimer = setTimeout(() => this.drop(), HANDSHAKE_TIMEOUT_MS);
		socket.on('message', (data) => this.#read(data));
		socket.on('error', (error) => this.#finish(error));
		socket.on('close', () => this.#finish(undefined));
	}

	/** The client's static Noise key, which identifies a linked device. */
	get clientStatic(): Buffer {
		if (this.#clientStatic === undefined) throw new Error('the handshake is not complete');
		return this.#clientStatic;
	}

	get isOpen(): boolean {
		return !this.#closed && this.#transport !== undefined && this.#closeTimer === undefined;
	}

	send(node: BinaryNode): void {
		this.sendEncoded(encodeBinaryNode(node));
	}

	/** Sends a stanza that is already in its binary form. */
	sendEncoded(stanza: Uint8Array): void {
		if (!this.isOpen || this.#silent) return;
		this.#writeFrame(this.#transport!.encrypt(stanza));
	}

	/** Says one last thing and closes in good order. */
	closeWith(node: BinaryNode): void {
		this.send(node);
		if (this.#closed || this.#closeTimer !== undefined) return;
		this.#closeTimer = setTimeout(() => this.drop(), CLOSE_TIMEOUT_MS);
		this.#socket.close();
	}

	/** Hangs up without a word. */
	drop(): void {
		this.#socket.terminate();
		this.#finish(undefined);
	}

	/** From now on nothing is read and nothing is said, while the socket stays open. */
	fallSilent(): void {
		this.#silent = true;
	}

	get #ignoresPeer(): boolean {
		return this.#closed || this.#silent || this.#closeTimer !== undefined;
	}

	#read(data: RawData): void {
		if (this.#ignoresPeer) return;
		try {
			const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
			this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
			if (this.#expects === 'intro' && !this.#readIntro()) return;
			for (let frame = this.#nextFrame(); frame; frame = this.#nextFrame()) this.#take(frame);
		} catch (error) {
			this.#fail(error);
		}
	}

	/** The client opens with its version, before it, if at all, where it was routed last time. */
	#readIntro(): boolean {
		let start = 0;
		if (this.#unread.subarray(0, ROUTING_MARK.length).equals(ROUTING_MARK)) {
			if (this.#unread.length < ROUTING_HEADER_BYTES) return false;
			start = ROUTING_HEADER_BYTES + this.#unread.readUIntBE(4, LENGTH_BYTES);
		}
		const end = start + NOISE_WA_HEADER.length;
		if (end > MAX_FRAME_BYTES) throw new ProtocolViolation('routing information too large');
		if (this.#unread.length < end) return false;
		if (!this.#unread.subarray(start, end).equals(NOISE_WA_HEADER)) {
			throw new ProtocolViolation('not the intro of a WhatsApp Web client');
		}
		this.#unread = this.#unread.subarray(end);
		this.#expects = 'hello';
		return true;
	}

	#nextFrame(): Buffer | undefined {
		if (this.#unread.length < LENGTH_BYTES) return undefined;
		const length = this.#unread.readUIntBE(0, LENGTH_BYTES);
		if (length > MAX_FRAME_BYTES) throw new ProtocolViolation('frame too large');
		const end = LENGTH_BYTES + length;
		if (this.#unread.length < end) return undefined;
		const frame = this.#unread.subarray(LENGTH_BYTES, end);
		this.#unread = this.#unread.subarray(end);
		return frame;
	}

	#take(frame: Buffer): void {
		if (this.#expects === 'hello') {
			this.#writeFrame(this.#noise.answerHello(frame));
			this.#expects = 'finish';
		} else if (this.#expects === 'finish') {
			const { clientStatic, payload, transport } = this.#noise.readFinish(frame);
			this.#clientStatic = clientStatic;
			this.#transport = transport;
			this.#expects = 'stanzas';
			clearTimeout(this.#handshakeTimer);
			this.#events.opened(this, payload);
		} else {
			this.#frames.push(this.#transport!.decrypt(frame));
			void this.#handleFrames();
		}
	}

	async #handleFrames(): Promise<void> {
		if (this.#handling) return;
		this.#handling = true;
		try {
			for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) {
				if (this.#ignoresPeer) return;
				await this.#events.received(this, await decode(frame));
			}
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#handling = false;
		}
	}

	#writeFrame(payload: Uint8Array): void {
		const frame = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
		frame.writeUIntBE(payload.length, 0, LENGTH_BYTES);
		frame.set(payload, LENGTH_BYTES);
		this.#socket.send(frame);
	}

	#fail(error: unknown): void {
		this.#finish(error instanceof Error ? error : new Error(String(error)));
		this.#socket.terminate();
	}

	#finish(reason: Error | undefined): void {
		if (this.#closed) return;
		this.#closed = true;
		clearTimeout(this.#handshakeTimer);
		clearTimeout(this.#closeTimer);
		this.#events.closed(this, reason);
	}
}

/** Clients never compress, and a compressed stanza could inflate without bounds. */
async function decode(frame: Buffer): Promise<BinaryNode> {
	if (frame.length === 0 || (frame[0]! & COMPRESSED) !== 0) {
		throw new ProtocolViolation('empty or compressed stanza');
	}
	const node = await decodeBinaryNode(frame);
	if (typeof node.tag !== 'string') throw new ProtocolViolation('stanza without a tag');
	return node;
}

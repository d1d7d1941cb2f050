import { createHash, hkdfSync } from 'node:crypto';
import {
	aesDecryptGCM,
	aesEncryptGCM,
	Curve,
	NOISE_MODE,
	NOISE_WA_HEADER,
	proto,
} from '@whiskeysockets/baileys';
import type { ServerIdentity } from './certificate-chain.ts';
import { ProtocolViolation } from './stanza.ts';

const KEY_BYTES = 32;
const TAG_BYTES = 16;
const NO_DATA = Buffer.alloc(0);

/**
 * The server's half of the handshake `Noise_XX_25519_AESGCM_SHA256`:
 *
 *   client                                      server
 *   e                                    ──▶
 *                                        ◀──    e, ee, s, es, certificate chain
 *   s, se, client payload                ──▶
 *
 * The protocol name is exactly 32 bytes and is the initial hash itself. Baileys' own handler
 * cannot be turned around: it emits the client's intro and fixes who writes with which key.
 */
export class NoiseResponder {
	readonly #identity: ServerIdentity;
	readonly #ephemeral = Curve.generateKeyPair();
	#hash: Buffer = Buffer.from(NOISE_MODE);
	#chainingKey: Buffer = this.#hash;
	#key: Buffer = this.#hash;
	#counter = 0;

	constructor(identity: ServerIdentity) {
		this.#identity = identity;
		this.#mixHash(NOISE_WA_HEADER);
	}

	/** Takes the client's hello and makes the server's. */
	answerHello(message: Uint8Array): Uint8Array {
		const clientEphemeral = proto.HandshakeMessage.decode(message).clientHello?.ephemeral;
		if (clientEphemeral?.length !== KEY_BYTES) throw new ProtocolViolation('no client hello');
		this.#mixHash(clientEphemeral);

		const ephemeral = this.#ephemeral.public;
		this.#mixHash(ephemeral);
		this.#mixKey(Curve.sharedKey(this.#ephemeral.private, clientEphemeral));
		const staticKey = this.#encrypt(this.#identity.staticKey.public);
		this.#mixKey(Curve.sharedKey(this.#identity.staticKey.private, clientEphemeral));
		const payload = this.#encrypt(this.#identity.chain);
		return proto.HandshakeMessage.encode({
			serverHello: { ephemeral, static: staticKey, payload },
		}).finish();
	}

	/** Takes the client's last message: who it is, what it wants, and the keys from now on. */
	readFinish(message: Uint8Array): NoiseSession {
		const finish = proto.HandshakeMessage.decode(message).clientFinish;
		if (!finish?.static || !finish.payload) throw new ProtocolViolation('no client finish');
		const clientStatic = this.#decrypt(finish.static);
		if (clientStatic.length !== KEY_BYTES) throw new ProtocolViolation('bad client key');
		this.#mixKey(Curve.sharedKey(this.#ephemeral.private, clientStatic));
		const payload = proto.ClientPayload.decode(this.#decrypt(finish.payload));

		const [fromClient, toClient] = this.#derive(NO_DATA);
		return { clientStatic, payload, transport: new NoiseTransport(fromClient, toClient) };
	}

	#encrypt(plaintext: Uint8Array): Buffer {
		const iv = initializationVector(this.#counter++);
		const ciphertext = aesEncryptGCM(plaintext, this.#key, iv, this.#hash);
		this.#mixHash(ciphertext);
		return ciphertext;
	}

	#decrypt(ciphertext: Uint8Array): Buffer {
		const iv = initializationVector(this.#counter++);
		const plaintext = aesDecryptGCM(authenticated(ciphertext), this.#key, iv, this.#hash);
		this.#mixHash(ciphertext);
		return plaintext;
	}

	#mixHash(data: Uint8Array): void {
		this.#hash = createHash('sha256').update(this.#hash).update(data).digest();
	}

	#mixKey(data: Uint8Array): void {
		[this.#chainingKey, this.#key] = this.#derive(data);
		this.#counter = 0;
	}

	#derive(data: Uint8Array): [Buffer, Buffer] {
		const bytes = Buffer.from(hkdfSync('sha256', data, this.#chainingKey, NO_DATA, 64));
		return [bytes.subarray(0, KEY_BYTES), bytes.subarray(KEY_BYTES)];
	}
}

export interface NoiseSession {
	readonly clientStatic: Buffer;
	readonly payload: proto.ClientPayload;
	readonly transport: NoiseTransport;
}

/** The encryption of frames after the handshake: one key and one counter per direction. */
export class NoiseTransport {
	readonly #readKey: Buffer;
	readonly #writeKey: Buffer;
	#readCounter = 0;
	#writeCounter = 0;

	constructor(readKey: Buffer, writeKey: Buffer) {
		this.#readKey = readKey;
		this.#writeKey = writeKey;
	}

	encrypt(plaintext: Uint8Array): Buffer {
		const iv = initializationVector(this.#writeCounter++);
		return aesEncryptGCM(plaintext, this.#writeKey, iv, NO_DATA);
	}

	decrypt(ciphertext: Uint8Array): Buffer {
		const iv = initializationVector(this.#readCounter++);
		return aesDecryptGCM(authenticated(ciphertext), this.#readKey, iv, NO_DATA);
	}
}

/** Node accepts GCM tags that are shorter than the 16 bytes which everybody sends. */
function authenticated(ciphertext: Uint8Array): Uint8Array {
	if (ciphertext.length < TAG_BYTES) throw new ProtocolViolation('ciphertext without a tag');
	return ciphertext;
}

function initializationVector(counter: number): Buffer {
	const iv = Buffer.alloc(12);
	iv.writeUInt32BE(counter, 8);
	return iv;
}

import { Curve, proto, WA_CERT_DETAILS, type KeyPair } from '@whiskeysockets/baileys';

const INTERMEDIATE_SERIAL = 1;
const LEAF_SERIAL = 2;
const VALID_FOR_S = 10 * 365 * 24 * 60 * 60;

/** What the server proves itself with: its static Noise key and the chain that vouches for it. */
export interface ServerIdentity {
	readonly staticKey: KeyPair;
	/** An encoded `CertChain`. */
	readonly chain: Uint8Array;
	/** Whoever trusts this key trusts the chain. */
	readonly rootPublicKey: Uint8Array;
}

/** Makes a new root, an intermediate signed by it, and a leaf signed by the intermediate. */
export function createServerIdentity(): ServerIdentity {
	const root = Curve.generateKeyPair();
	const intermediate = Curve.generateKeyPair();
	const staticKey = Curve.generateKeyPair();
	const chain = proto.CertChain.encode({
		// Baileys wants the issuer's serial to be present and to be the root's, which is 0.
		intermediate: certificate(INTERMEDIATE_SERIAL, WA_CERT_DETAILS.SERIAL, intermediate, root),
		leaf: certificate(LEAF_SERIAL, INTERMEDIATE_SERIAL, staticKey, intermediate),
	}).finish();
	return { staticKey, chain, rootPublicKey: root.public };
}

function certificate(serial: number, issuerSerial: number, subject: KeyPair, issuer: KeyPair) {
	const notBefore = Math.floor(Date.now() / 1000);
	const details = proto.CertChain.NoiseCertificate.Details.encode({
		serial,
		issuerSerial,
		key: subject.public,
		notBefore,
		notAfter: notBefore + VALID_FOR_S,
	}).finish();
	return { details, signature: Curve.sign(issuer.private, details) };
}

/**
 * Makes Baileys, in the whole process, trust a simulated network's root instead of WhatsApp's;
 * answers with the way back.
 *
 * Nothing needs this today: Baileys 7.0.0-rc14 ignores what libsignal's `verifySignature` answers
 * and accepts any chain of the right form. Should a later release check signatures, this is the
 * seam for a process which speaks to a simulated network *only*, such as a test. The anchor is
 * one mutable object for all sockets, so that a process which also connects to the real WhatsApp
 * must never call this: its real connections would then be refused, or worse, accepted from
 * whoever holds the simulated root.
 */
export function trustOnly(rootPublicKey: Uint8Array): () => void {
	const anchor: { PUBLIC_KEY: Uint8Array } = WA_CERT_DETAILS;
	const before = anchor.PUBLIC_KEY;
	anchor.PUBLIC_KEY = Buffer.from(rootPublicKey);
	return () => {
		anchor.PUBLIC_KEY = before;
	};
}

import { describe, expect, it } from '@jest/globals';
import { proto, WA_CERT_DETAILS, type BinaryNode } from '@whiskeysockets/baileys';
import { verifySignature } from 'libsignal/src/curve.js';
import { createServerIdentity } from '../../../engine/src/sandbox/certificate-chain.ts';
import { trustOnly } from '../../../engine/src/sandbox/simulated-network.ts';
import { until, type BaileysClient } from '../../support/baileys-client.ts';
import { Harness, SHOP } from './harness.ts';

const SERVER = '@s.whatsapp.net';
/** How many one-time keys Baileys uploads at first, and of how many it is told when it is low. */
const FIRST_KEYS = 812;
const MORE_KEYS = 5;

describe('keys in the simulated network', () => {
	const harness = new Harness();

	it('are handed out once each, and a device that runs low uploads more', async () => {
		const client = await harness.paired();

		const most = await oneTimeKeys(client, FIRST_KEYS - MORE_KEYS + 1);
		await until(() => client.creds.nextPreKeyId === FIRST_KEYS + MORE_KEYS + 1);
		await harness.settled();
		const rest = await oneTimeKeys(client, 2 * MORE_KEYS);

		expect(most.filter((key) => key !== undefined)).toHaveLength(FIRST_KEYS - MORE_KEYS + 1);
		const given = [...most, ...rest].filter((key) => key !== undefined);
		// The account's own phone has used one, too.
		expect(given).toHaveLength(FIRST_KEYS + MORE_KEYS - 1);
		expect(new Set(given).size).toBe(given.length);
		await harness.settled();
	});

	it('can be rotated', async () => {
		const client = await harness.paired();

		await client.socket.rotateSignedPreKey();

		expect(client.creds.signedPreKey.keyId).toBe(2);
	});

	it('of the server are vouched for by a chain of certificates', () => {
		const { chain, staticKey, rootPublicKey } = createServerIdentity();
		const { leaf, intermediate } = proto.CertChain.decode(chain);
		const details = (certificate: typeof leaf) =>
			proto.CertChain.NoiseCertificate.Details.decode(certificate!.details!);

		const issuerOfLeaf = details(intermediate);

		expect(Buffer.from(details(leaf).key!)).toEqual(Buffer.from(staticKey.public));
		expect(isSigned(leaf, issuerOfLeaf.key!)).toBe(true);
		expect(isSigned(intermediate, rootPublicKey)).toBe(true);
		expect(isSigned(intermediate, issuerOfLeaf.key!)).toBe(false);
	});

	it('of the server can be made the only ones that Baileys trusts, and back', async () => {
		const before = WA_CERT_DETAILS.PUBLIC_KEY;

		const undo = trustOnly(harness.network.rootPublicKey);
		const during = WA_CERT_DETAILS.PUBLIC_KEY;
		const client = harness.client().connect(harness.network.url);
		await client.qr();
		undo();

		expect(during).toEqual(Buffer.from(harness.network.rootPublicKey));
		expect(WA_CERT_DETAILS.PUBLIC_KEY).toBe(before);
	});

	/** Asks for so many sessions with the shop's device; answers with the one-time keys in them. */
	async function oneTimeKeys(
		client: BaileysClient,
		sessions: number,
	): Promise<(string | undefined)[]> {
		const user = { tag: 'user', attrs: { jid: `${SHOP}:1${SERVER}` } };
		const key = { tag: 'key', attrs: {}, content: Array.from({ length: sessions }, () => user) };
		const attrs = { to: SERVER, type: 'get', xmlns: 'encrypt' };
		const answer = (await client.socket.query({ tag: 'iq', attrs, content: [key] })) as BinaryNode;
		const [list] = answer.content as BinaryNode[];
		return (list!.content as BinaryNode[]).map((bundle) => {
			const parts = bundle.content as BinaryNode[];
			const oneTime = parts.find(({ tag }) => tag === 'key');
			const value = (oneTime?.content as BinaryNode[] | undefined)?.[1]?.content;
			return value && Buffer.from(value as Uint8Array).toString('hex');
		});
	}
});

function isSigned(
	certificate: proto.CertChain.INoiseCertificate | null | undefined,
	issuerKey: Uint8Array,
): boolean {
	const { details, signature } = certificate!;
	const key = Buffer.concat([Buffer.from([5]), issuerKey]);
	return verifySignature(key, Buffer.from(details!), Buffer.from(signature!));
}

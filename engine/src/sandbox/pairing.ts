import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { Curve, type BinaryNode, type proto } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import { jidOf, type Directory, type LinkedDevice } from './directory.ts';
import type { PhoneRecord } from './key-bundle.ts';
import { linkDevice, offerIdentity, type IdentityOffer } from './device-identity.ts';
import { openKeyBundle, unwrapKey, wrapKey } from './pairing-code.ts';
import { SimulationError } from './simulation-error.ts';
import {
	findChild,
	getAttribute,
	getBytes,
	getChild,
	nowInSeconds,
	ProtocolViolation,
	SERVER,
	stanza,
} from './stanza.ts';

const REFS = 6;
const PAIRING_TIMEOUT_MS = 15_000;
const WRAPPED_KEY_BYTES = 80;

/** A linked device, as its phone sees it once the pairing is complete. */
export interface PairedDevice {
	readonly label: string | null;
	readonly phoneNumber: string;
	readonly jid: string;
	readonly lid: string;
}

/** A connection that is not logged in, and how far it has come. */
interface Candidate {
	readonly connection: Connection;
	readonly registration: proto.ClientPayload.IDevicePairingRegistrationData;
	readonly refs: readonly string[];
	/** Set when the client has asked for a pairing code. */
	hello?: { readonly number: string; readonly wrappedKey: Buffer; readonly ref: Buffer };
	/** What the phone that is linking it waits for. */
	waitsFor?: (node: BinaryNode) => void;
	abandon?: () => void;
}

/**
 * Links connections to phones, by the QR that the client shows or by the code that the phone's
 * owner types in. Both ways give the phone the client's `advSecret`, with which it proves its
 * account to the client, and both end alike:
 *
 *   server  pair-success(identity signed by the account)  ──▶  client
 *   server  ◀──  pair-device-sign(the same, signed by the device)  client
 *   server  stream error 515: the client comes back and logs in
 */
export class Pairing {
	readonly #directory: Directory;
	readonly #paired: (device: LinkedDevice) => void;
	readonly #candidates = new Map<Connection, Candidate>();
	readonly #byRef = new Map<string, Candidate>();

	constructor(directory: Directory, paired: (device: LinkedDevice) => void) {
		this.#directory = directory;
		this.#paired = paired;
	}

	/** A client without an account: it gets the references for its QRs. */
	admit(
		connection: Connection,
		registration: proto.ClientPayload.IDevicePairingRegistrationData,
	): void {
		const refs = Array.from({ length: REFS }, () => `2@${randomBytes(48).toString('base64')}`);
		const candidate: Candidate = { connection, registration, refs };
		this.#candidates.set(connection, candidate);
		for (const ref of refs) this.#byRef.set(ref, candidate);
		const nodes = refs.map((ref) => stanza('ref', {}, Buffer.from(ref, 'utf8')));
		connection.send(iqSet([stanza('pair-device', {}, nodes)]));
	}

	abandon(connection: Connection): void {
		const candidate = this.#candidates.get(connection);
		for (const ref of candidate?.refs ?? []) this.#byRef.delete(ref);
		this.#candidates.delete(connection);
		candidate?.abandon?.();
	}

	/** Takes a stanza of a connection that is not logged in; tells whether it was expected. */
	receive(connection: Connection, node: BinaryNode): boolean {
		const candidate = this.#candidates.get(connection);
		if (candidate === undefined || node.tag !== 'iq') return false;
		const code = findChild(node, 'link_code_companion_reg');
		if (code === undefined) {
			if (node.attrs['type'] !== 'result') return false;
			candidate.waitsFor?.(node);
			return true;
		}
		const ref = this.#takeCodeStage(candidate, code);
		const answer = stanza('link_code_companion_reg', { stage: code.attrs['stage'] }, ref);
		const attributes = { from: SERVER, id: node.attrs['id'], type: 'result' };
		connection.send(stanza('iq', attributes, [answer]));
		// Only now: the client must see the answer before it sees what follows from it.
		if (code.attrs['stage'] === 'companion_finish') candidate.waitsFor?.(code);
		return true;
	}

	async scanQr(code: string, phone: () => PhoneRecord): Promise<PairedDevice> {
		const [ref, noiseKey, , advSecret] = code.slice(code.indexOf('#') + 1).split(',');
		if (!ref || !noiseKey || !advSecret) throw new SimulationError('qr_malformed');
		const candidate = this.#byRef.get(ref);
		if (!candidate?.connection.isOpen) throw new SimulationError('qr_unknown');
		if (!sameBytes(candidate.connection.clientStatic, Buffer.from(noiseKey, 'base64'))) {
			throw new SimulationError('qr_unknown');
		}
		return this.#link(candidate, phone(), Buffer.from(advSecret, 'base64'));
	}

	async enterCode(phone: PhoneRecord, code: string): Promise<PairedDevice> {
		const candidate = [...this.#candidates.values()].findLast(
			({ hello, connection }) => hello?.number === phone.number && connection.isOpen,
		);
		if (candidate?.hello === undefined) {
			throw new SimulationError('pairing_code_not_requested');
		}
		const { wrappedKey, ref } = candidate.hello;
		const ephemeral = Curve.generateKeyPair();
		const clientEphemeral = await unwrapKey(wrappedKey, code);
		const primaryHello = stanza('link_code_companion_reg', { stage: 'primary_hello' }, [
			stanza('link_code_pairing_ref', {}, ref),
			stanza(
				'link_code_pairing_wrapped_primary_ephemeral_pub',
				{},
				await wrapKey(ephemeral.public, code),
			),
			stanza('primary_identity_pub', {}, phone.identity.public),
		]);
		const attributes = {
			from: SERVER,
			id: randomBytes(8).toString('hex'),
			type: 'link_code_companion_reg',
			t: nowInSeconds(),
		};
		const finish = await this.#ask(candidate, stanza('notification', attributes, [primaryHello]));
		const secret = openKeyBundle(finish, { phone, ephemeral, clientEphemeral });
		return this.#link(candidate, phone, secret);
	}

	#takeCodeStage(candidate: Candidate, code: BinaryNode): BinaryNode[] {
		if (code.attrs['stage'] === 'companion_hello') {
			candidate.hello = {
				number: getAttribute(code, 'jid').split('@')[0]!,
				wrappedKey: getBytes(
					code,
					'link_code_pairing_wrapped_companion_ephemeral_pub',
					WRAPPED_KEY_BYTES,
				),
				ref: Buffer.from(`3@${randomBytes(24).toString('base64')}`, 'utf8'),
			};
		} else if (code.attrs['stage'] !== 'companion_finish') {
			throw new ProtocolViolation('unknown stage of the pairing code');
		}
		const ref = candidate.hello?.ref;
		return ref === undefined ? [] : [stanza('link_code_pairing_ref', {}, ref)];
	}

	async #link(candidate: Candidate, phone: PhoneRecord, secret: Buffer): Promise<PairedDevice> {
		const { connection, registration } = candidate;
		const deviceId = phone.nextDeviceId++;
		this.#directory.savePhone(phone);
		const identityKey = Buffer.from(registration.eIdent ?? []);
		const offer: IdentityOffer = offerIdentity(phone, deviceId, identityKey, secret);
		const success = stanza('pair-success', {}, [
			stanza('device-identity', {}, offer.encoded),
			stanza('device', {
				jid: jidOf(phone, 'pn', deviceId),
				lid: jidOf(phone, 'lid', deviceId),
			}),
			stanza('platform', { name: 'android' }),
		]);
		const answer = await this.#ask(candidate, iqSet([success]));
		try {
			const device = linkDevice(offer, {
				phone,
				deviceId,
				registration,
				noiseKey: connection.clientStatic,
				label: connection.label,
				signed: getBytes(getChild(answer, 'pair-device-sign'), 'device-identity'),
			});
			this.#directory.link(device);
			this.#paired(device);
			connection.closeWith(stanza('stream:error', { code: 515 }));
			return describeDevice(device);
		} catch (error) {
			connection.drop();
			throw new SimulationError('pairing_abandoned', { cause: error });
		}
	}

	/** Sends a stanza to the client; resolves with what the pairing goes on with. */
	#ask(candidate: Candidate, node: BinaryNode): Promise<BinaryNode> {
		const { id } = node.attrs;
		const isCode = node.tag === 'notification';
		return new Promise<BinaryNode>((resolve, reject) => {
			const abandon = () => reject(new SimulationError('pairing_abandoned'));
			const timer = setTimeout(abandon, PAIRING_TIMEOUT_MS);
			candidate.abandon = () => {
				clearTimeout(timer);
				abandon();
			};
			candidate.waitsFor = (answer) => {
				if (!isCode && answer.attrs['id'] !== id) return;
				clearTimeout(timer);
				delete candidate.waitsFor;
				delete candidate.abandon;
				resolve(answer);
			};
			candidate.connection.send(node);
		});
	}
}

export function describeDevice({ label, phoneNumber, lid, deviceId }: LinkedDevice): PairedDevice {
	const phone = { number: phoneNumber, lid };
	const jid = jidOf(phone, 'pn', deviceId);
	return { label, phoneNumber, jid, lid: jidOf(phone, 'lid', deviceId) };
}

function iqSet(content: BinaryNode[]): BinaryNode {
	const id = String(randomInt(2 ** 32));
	return stanza('iq', { from: SERVER, type: 'set', id, xmlns: 'md', t: nowInSeconds() }, content);
}

function sameBytes(a: Buffer, b: Buffer): boolean {
	return a.length === b.length && timingSafeEqual(a, b);
}

import { randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { isPhoneNumber, jidOf, type DeviceAddress, type Directory } from './directory.ts';
import type { LinkedDevice } from './directory.ts';
import { bundleToStanza, readPreKey, readSignedPreKey } from './key-bundle.ts';
import type { Groups } from './groups.ts';
import type { KeyServer } from './key-server.ts';
import {
	bytesOf,
	childrenOf,
	findChild,
	getAttribute,
	getBytes,
	getChild,
	nowInSeconds,
	stanza,
} from './stanza.ts';

export interface IqParts {
	readonly directory: Directory;
	readonly keys: KeyServer;
	readonly groups: Groups;
	/** The device is ready for what waits for it. Called after the answer has been sent. */
	readonly activated: (device: LinkedDevice) => Promise<void>;
	/** The device has removed itself. Called after the answer has been sent. */
	readonly loggedOut: (device: LinkedDevice) => void;
}

interface Query {
	readonly device: LinkedDevice;
	readonly node: BinaryNode;
	/** The first child, which says what is asked. */
	readonly subject: BinaryNode;
	readonly parts: IqParts;
}

export interface Answer {
	readonly content?: BinaryNode[];
	readonly error?: BinaryNode;
	readonly then?: () => Promise<void> | void;
}

const PRIVACY = ['last', 'online', 'profile', 'status', 'readreceipts', 'groupadd', 'calladd'];
const NOTHING: Answer = {};
const ITEM_NOT_FOUND = stanza('error', { code: 404, text: 'item-not-found' });

/** The queries which the server knows: `type xmlns subject`. Everything else is a 501. */
const TABLE: Readonly<Record<string, (query: Query) => Answer>> = {
	'get encrypt count': ({ device, parts }) => ({
		content: [stanza('count', { value: parts.directory.countPreKeys(device) })],
	}),
	'get encrypt digest': ({ device }) => ({
		content: [stanza('digest', {}, bundleToStanza({ ...device }))],
	}),
	'get encrypt key': sessionKeys,
	'set encrypt registration': uploadKeys,
	'set encrypt rotate': ({ device, subject, parts }) => {
		device.signedPreKey = readSignedPreKey(getChild(subject, 'skey'));
		parts.directory.saveDevice(device);
		return NOTHING;
	},
	'set passive active': ({ device, parts }) => ({ then: () => parts.activated(device) }),
	'set passive passive': () => NOTHING,
	'get usync usync': synchronizeUsers,
	'get w:p ping': () => NOTHING,
	'get abt props': () => ({ content: [stanza('props', { protocol: 1 }, [])] }),
	'get privacy privacy': () => {
		const settings = PRIVACY.map((name) => stanza('category', { name, value: 'all' }));
		return { content: [stanza('privacy', {}, settings)] };
	},
	'set privacy privacy': ({ subject }) => ({ content: [subject] }),
	'set privacy tokens': () => NOTHING,
	'get blocklist ': () => ({ content: [stanza('list', {}, [])] }),
	'set blocklist item': () => ({ content: [stanza('list', {}, [])] }),
	'set w:m media_conn': () => ({
		content: [stanza('media_conn', { auth: randomBytes(16).toString('hex'), ttl: 300 }, [])],
	}),
	' w:stats add': () => NOTHING,
	'set w:stats add': () => NOTHING,
	'set urn:xmpp:whatsapp:dirty clean': () => NOTHING,
	'set w:sync:app:state sync': synchronizeAppState,
	'get w:g2 query': ({ device, node, parts }) => {
		const group = parts.groups.find(node.attrs['to'] ?? '');
		const isMember = group?.members.includes(device.phoneNumber) === true;
		if (group === undefined || !isMember) return { error: ITEM_NOT_FOUND };
		return { content: [parts.groups.describe(group)] };
	},
	'get w:g2 participating': ({ device, parts }) => {
		const groups = parts.groups.of(device.phoneNumber);
		const descriptions = groups.map((group) => parts.groups.describe(group));
		return { content: [stanza('groups', {}, descriptions)] };
	},
	'set md remove-companion-device': ({ device, parts }) => ({
		then: () => parts.loggedOut(device),
	}),
};

/** Answers a query of a logged-in device, or `undefined` when the table does not know it. */
export function answerIq(
	device: LinkedDevice,
	node: BinaryNode,
	parts: IqParts,
): Answer | undefined {
	const subject = childrenOf(node)[0] ?? stanza('');
	const { type = '', xmlns = '' } = node.attrs;
	const row = `${type} ${xmlns} ${subject.tag}`;
	if (!Object.hasOwn(TABLE, row)) return undefined;
	return TABLE[row]!({ device, node, subject, parts });
}

function uploadKeys({ device, node, parts }: Query): Answer {
	device.registrationId = getBytes(node, 'registration', 4).readUInt32BE();
	device.signedPreKey = readSignedPreKey(getChild(node, 'skey'));
	parts.directory.saveDevice(device);
	parts.keys.addPreKeys(device, childrenOf(findChild(node, 'list'), 'key').map(readPreKey));
	return NOTHING;
}

/** One-time keys are handed out here: a client asks in order to start sessions. */
function sessionKeys({ subject, parts }: Query): Answer {
	const users = childrenOf(subject, 'user').map((user) => {
		const jid = getAttribute(user, 'jid');
		const address = parts.directory.findAddress(jid);
		const bundle = address && parts.keys.findBundle(address);
		return bundle === undefined
			? stanza('user', { jid }, [ITEM_NOT_FOUND])
			: stanza('user', { jid, t: nowInSeconds() }, bundleToStanza(bundle));
	});
	return { content: [stanza('list', {}, users)] };
}

/** Who is on WhatsApp, with which devices, under which LID; as far as the query asks for it. */
function synchronizeUsers({ subject, parts }: Query): Answer {
	const asked = new Set(childrenOf(findChild(subject, 'query')).map(({ tag }) => tag));
	const users = childrenOf(findChild(subject, 'list'), 'user').map((user) => {
		const contact = findChild(user, 'contact');
		const phone = contact?.content === undefined ? '' : bytesOf(contact).toString('utf8');
		const digits = phone.replace(/^\+/, '');
		const jid = user.attrs['jid'] ?? `${digits}@s.whatsapp.net`;
		const exists = user.attrs['jid'] !== undefined || isPhoneNumber(digits);
		const address = exists ? parts.directory.findAddress(jid) : undefined;
		if (address === undefined) {
			return stanza('user', { jid }, [stanza('contact', { type: 'out' })]);
		}
		return stanza('user', { jid }, describeUser(address, asked, parts.directory));
	});
	const answered = [...asked].map((tag) => stanza(tag));
	return {
		content: [
			stanza('usync', { ...subject.attrs }, [
				stanza('result', {}, answered),
				stanza('list', {}, users),
			]),
		],
	};
}

function describeUser(
	{ phone, addressing }: DeviceAddress,
	asked: ReadonlySet<string>,
	directory: Directory,
): BinaryNode[] {
	const nodes: BinaryNode[] = [];
	if (asked.has('contact')) nodes.push(stanza('contact', { type: 'in' }));
	if (asked.has('devices')) {
		const linked = directory.devicesOf(phone.number);
		const devices = linked.map(({ deviceId }) =>
			stanza('device', { id: deviceId, 'key-index': deviceId }),
		);
		nodes.push(
			stanza('devices', {}, [stanza('device-list', {}, [stanza('device', { id: 0 }), ...devices])]),
		);
	}
	// Asked by LID, the answer names none: Baileys would map the LID to itself.
	if (asked.has('lid') && addressing === 'pn') {
		nodes.push(stanza('lid', { val: jidOf(phone, 'lid') }));
	}
	return nodes;
}

/** Changes are counted, not kept: a collection is always empty, at some version. */
function synchronizeAppState({ device, subject, parts }: Query): Answer {
	const collections = childrenOf(subject, 'collection').map((collection) => {
		const name = getAttribute(collection, 'name');
		const hasPatch = findChild(collection, 'patch') !== undefined;
		const version = parts.directory.appStateVersion(device.phoneNumber, name, hasPatch);
		return stanza('collection', { name, version, type: 'result' }, []);
	});
	return { content: [stanza('sync', {}, collections)] };
}

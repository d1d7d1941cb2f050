import { randomBytes, randomInt } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';

const { Type } = proto.Message.ProtocolMessage;
const BOOTSTRAP = proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP;

/** What a phone tells a device that it has just linked: a key for the app state, and the chats. */
export function setupMessages(): proto.IMessage[] {
	return [appStateKeyShare(), emptyHistory()].map((protocolMessage) => ({ protocolMessage }));
}

function appStateKeyShare(): proto.Message.IProtocolMessage {
	const keyId = { keyId: randomBytes(6) };
	const fingerprint = { rawId: randomInt(2 ** 31), currentIndex: 0, deviceIndexes: [0] };
	const keyData = { keyData: randomBytes(32), fingerprint, timestamp: Date.now() };
	return {
		type: Type.APP_STATE_SYNC_KEY_SHARE,
		appStateSyncKeyShare: { keys: [{ keyId, keyData }] },
	};
}

/** The client waits for its history before it is in order, even if there is none. */
function emptyHistory(): proto.Message.IProtocolMessage {
	const progress = { chunkOrder: 1, progress: 100 };
	const history = proto.HistorySync.encode({ syncType: BOOTSTRAP, ...progress }).finish();
	return {
		type: Type.HISTORY_SYNC_NOTIFICATION,
		historySyncNotification: {
			syncType: proto.Message.HistorySyncType.INITIAL_BOOTSTRAP,
			...progress,
			initialHistBootstrapInlinePayload: deflateSync(history),
		},
	};
}

/**
 * Run as a process: paired accounts as bare Baileys sockets with their keys in memory, and when
 * each text came out of `messages.upsert`. Nothing is stored anywhere: no program that does
 * something with what it receives can be faster.
 */
import { readFile } from 'node:fs/promises';
import {
	BufferJSON,
	makeWASocket,
	proto,
	type AuthenticationCreds,
	type AuthenticationState,
	type SignalDataSet,
} from '@whiskeysockets/baileys';
import { quietLibsignal } from '../../engine/src/drivers/baileys/quiet-libsignal.ts';
import { answerCalls, preciseNow } from './arrivals-process.ts';
import type { Arrival } from './arrivals-receiver-main.ts';

const nothing = () => undefined;
const SILENT = {
	level: 'silent',
	child: () => SILENT,
	trace: nothing,
	debug: nothing,
	info: nothing,
	warn: nothing,
	error: nothing,
};

quietLibsignal();
let heard: { readonly text: string; readonly at: number }[] = [];

const answers = {
	/** `files`: each account's keys, as `exportAccounts` writes them. */
	async open(socketUrl: string, files: readonly string[]): Promise<void> {
		await Promise.all(files.map(async (file) => connect(socketUrl, await keysFrom(file))));
	},
	forget(): void {
		heard = [];
	},
	heard: () => heard.length,
	arrivals: (): Arrival[] => heard,
};

export type BareAnswers = typeof answers;

function connect(socketUrl: string, auth: AuthenticationState): Promise<void> {
	const { ev } = makeWASocket({
		waWebSocketUrl: socketUrl,
		auth,
		logger: SILENT,
		markOnlineOnConnect: false,
		syncFullHistory: false,
	});
	ev.on('messages.upsert', ({ messages }) => {
		const at = preciseNow();
		for (const { message } of messages) {
			const text = message?.conversation;
			if (text) heard.push({ text, at });
		}
	});
	return new Promise((resolve, reject) => {
		ev.on('connection.update', ({ connection, lastDisconnect }) => {
			if (connection === 'open') resolve();
			if (connection === 'close') reject(lastDisconnect?.error ?? new Error('closed'));
		});
	});
}

async function keysFrom(file: string): Promise<AuthenticationState> {
	const all = JSON.parse(await readFile(file, 'utf8'), BufferJSON.reviver) as object;
	const kept = new Map<string, unknown>(Object.entries(all));
	return {
		creds: kept.get('creds') as AuthenticationCreds,
		keys: {
			get: (type, ids) => {
				const found = ids.flatMap((id) => {
					const value = kept.get(`${type}-${id}`);
					if (value === undefined) return [];
					const isSyncKey = type === 'app-state-sync-key';
					return [[id, isSyncKey ? toSyncKey(value) : value] as const];
				});
				return Object.fromEntries(found) as never;
			},
			set: (data: SignalDataSet) => {
				for (const [type, values] of Object.entries(data)) {
					for (const [id, value] of Object.entries(values ?? {})) {
						if (value === null) kept.delete(`${type}-${id}`);
						else kept.set(`${type}-${id}`, value);
					}
				}
			},
		},
	};
}

function toSyncKey(value: unknown) {
	return proto.Message.AppStateSyncKeyData.fromObject(value as object);
}

answerCalls(answers);

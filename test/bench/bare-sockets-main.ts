/**
 * Run as a process: paired accounts as bare Baileys sockets, with nothing around them. Every
 * socket is opened at once, as a loop over the accounts does.
 *
 * `memory`: each account's keys are read from one JSON file and kept, and changes are not written
 * anywhere. No program could do less. `files`: Baileys' own `useMultiFileAuthState`, which holds
 * the credentials and reads a key when it is asked for.
 */
import { readFile } from 'node:fs/promises';
import {
	BufferJSON,
	makeWASocket,
	proto,
	useMultiFileAuthState,
	type AuthenticationCreds,
	type AuthenticationState,
	type SignalDataSet,
} from '@whiskeysockets/baileys';
import { quietLibsignal } from '../../engine/src/drivers/baileys/quiet-libsignal.ts';
import type { ExportedAccount } from './paired-accounts.ts';

export interface BareOrder {
	readonly socketUrl: string;
	readonly keys: 'memory' | 'files';
	readonly accounts: readonly ExportedAccount[];
}

export interface BareReport {
	readonly readyAt: number;
	/** When the last one was open. */
	readonly openAt: number;
}

interface Auth {
	readonly state: AuthenticationState;
	readonly saveCreds: () => unknown;
}

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
process.once('message', (order: BareOrder) => void run(order));
process.once('disconnect', () => process.exit(0));

async function run({ socketUrl, keys, accounts }: BareOrder): Promise<void> {
	const auths: Auth[] = [];
	for (const { file, folder } of accounts) {
		auths.push(keys === 'memory' ? await fromMemory(file) : await useMultiFileAuthState(folder));
	}
	const readyAt = Date.now();
	const opened = await Promise.all(auths.map((auth) => open(socketUrl, auth)));
	process.send?.({ readyAt, openAt: Math.max(readyAt, ...opened) } satisfies BareReport);
}

function open(socketUrl: string, { state, saveCreds }: Auth): Promise<number> {
	const { ev } = makeWASocket({
		waWebSocketUrl: socketUrl,
		auth: state,
		logger: SILENT,
		markOnlineOnConnect: false,
		syncFullHistory: false,
	});
	ev.on('creds.update', saveCreds);
	return new Promise((resolve, reject) => {
		ev.on('connection.update', ({ connection, lastDisconnect }) => {
			if (connection === 'open') resolve(Date.now());
			if (connection === 'close') reject(lastDisconnect?.error ?? new Error('closed'));
		});
	});
}

async function fromMemory(file: string): Promise<Auth> {
	const all = JSON.parse(await readFile(file, 'utf8'), BufferJSON.reviver) as Record<
		string,
		unknown
	>;
	const kept = new Map(Object.entries(all));
	const { creds } = all as { creds: AuthenticationCreds };
	const state: AuthenticationState = {
		creds,
		keys: {
			get: (type, ids) => {
				const found = ids.flatMap((id) => {
					const value = kept.get(`${type}-${id}`);
					if (value === undefined) return [];
					return [[id, type === 'app-state-sync-key' ? syncKey(value) : value] as const];
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
	return { state, saveCreds: nothing };
}

function syncKey(value: unknown) {
	return proto.Message.AppStateSyncKeyData.fromObject(value as object);
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstanceId } from '../../engine/src/domain/ids.ts';
import { openStorage } from '../../engine/src/storage/storage.ts';
import { LIVE_KEY, type EngineProcess } from '../support/engine-process.ts';
import { eventually, ids, silentLog } from '../support/system.ts';
import type { NetworkProcess } from './network-process.ts';

const PAIRED_AT_A_TIME = 8;
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 250;

export interface PairedAccount {
	readonly instanceId: InstanceId;
	readonly phoneNumber: string;
}

/** Links as many new phones to the engine, and waits until each has had its first synchronisation. */
export async function pairAccounts(
	engine: EngineProcess,
	network: NetworkProcess,
	count: number,
): Promise<PairedAccount[]> {
	const loggedIn = new Set<string>();
	network.on('login', ({ phoneNumber }) => loggedIn.add(phoneNumber));
	const accounts: PairedAccount[] = [];
	let begun = 0;
	const pairOnes = async () => {
		while (begun < count) {
			const account = await pairOne(engine, network, `shop ${begun++}`);
			await eventually(() => loggedIn.has(account.phoneNumber), {
				withinMs: PATIENCE_MS,
				what: `the login of ${account.phoneNumber}`,
			});
			accounts.push(account);
		}
	};
	await Promise.all(Array.from({ length: PAIRED_AT_A_TIME }, pairOnes));
	await eventually(
		async () => {
			await sleep(LOOK_EVERY_MS);
			const devices = await network.devices();
			return devices.every(({ undelivered }) => undelivered === 0) && (await allConnected(engine));
		},
		{ withinMs: PATIENCE_MS, what: 'the first synchronisation of all' },
	);
	return accounts;
}

async function pairOne(
	engine: EngineProcess,
	network: NetworkProcess,
	name: string,
): Promise<PairedAccount> {
	const { id } = await engine.call<{ id: InstanceId }>('POST', '/v1/instances', { name }, LIVE_KEY);
	const { code } = await engine.call<{ code: string }>(
		'GET',
		`/v1/instances/${id}/qr`,
		undefined,
		LIVE_KEY,
	);
	const { phoneNumber } = await network.scanQr(code);
	return { instanceId: id, phoneNumber };
}

/** Whether every instance is, by the engine's own word. */
export async function allConnected(engine: EngineProcess): Promise<boolean> {
	return (await listInstances(engine)).every(({ state }) => state === 'connected');
}

export interface ListedInstance {
	readonly id: InstanceId;
	readonly state: string;
	readonly status_reason: string | null;
}

export async function listInstances(engine: EngineProcess): Promise<ListedInstance[]> {
	const listed: ListedInstance[] = [];
	let cursor: string | null = '';
	while (cursor !== null) {
		const path = `/v1/instances?limit=100${cursor && `&cursor=${cursor}`}`;
		const page: { data: ListedInstance[]; next_cursor: string | null } = await engine.call(
			'GET',
			path,
			undefined,
			LIVE_KEY,
		);
		listed.push(...page.data);
		cursor = page.next_cursor;
	}
	return listed;
}

/** Where the exported keys of one account lie. */
export interface ExportedAccount {
	/** One JSON file with all of them. */
	readonly file: string;
	/** The same in one file each, as Baileys' `useMultiFileAuthState` reads them. */
	readonly folder: string;
}

/** Copies the accounts' keys out of the database of an engine that does not run. */
export async function exportAccounts(options: {
	readonly database: string;
	readonly secretsKey: string;
	readonly accounts: readonly PairedAccount[];
	readonly into: string;
}): Promise<ExportedAccount[]> {
	const { database, secretsKey, accounts, into } = options;
	const sealed = new DatabaseSync(database, { readOnly: true });
	const listed = sealed.prepare('select type, id from auth_state where instance_id = ?');
	const storage = await openStorage({ file: database, secretsKey, ids, log: silentLog });
	const exported: ExportedAccount[] = [];
	for (const [index, { instanceId }] of accounts.entries()) {
		const values = new Map<string, string>();
		const rows = listed.all(instanceId) as { type: string; id: string }[];
		for (const type of new Set(rows.map((row) => row.type))) {
			const names = rows.filter((row) => row.type === type).map(({ id }) => id);
			for (const [id, bytes] of await storage.authState.get(instanceId, type, names)) {
				values.set(type === 'creds' ? 'creds' : `${type}-${id}`, Buffer.from(bytes).toString());
			}
		}
		exported.push(writeAccount(join(into, String(index)), values));
	}
	await storage.close();
	sealed.close();
	return exported;
}

function writeAccount(path: string, values: ReadonlyMap<string, string>): ExportedAccount {
	const account = { file: `${path}.json`, folder: path };
	mkdirSync(account.folder, { recursive: true });
	for (const [name, json] of values) {
		writeFileSync(join(account.folder, `${fileNameOf(name)}.json`), json);
	}
	const members = [...values].map(([name, json]) => `${JSON.stringify(name)}:${json}`);
	writeFileSync(account.file, `{${members.join(',')}}`);
	return account;
}

/** As Baileys writes them. */
function fileNameOf(name: string): string {
	return name.replaceAll('/', '__').replaceAll(':', '-');
}

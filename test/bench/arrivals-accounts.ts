import { setTimeout as sleep } from 'node:timers/promises';
import type { InstanceId } from '../../engine/src/domain/ids.ts';
import { LIVE_KEY, type EngineProcess } from '../support/engine-process.ts';
import type { Chat, NetworkAnswers } from './arrivals-network-main.ts';
import type { CalledProcess } from './arrivals-process.ts';
import type { PairedAccount } from './paired-accounts.ts';

const PAIRED_AT_A_TIME = 8;
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 50;

type Network = CalledProcess<NetworkAnswers>;

/**
 * Links as many new phones to the engine, and lets each talk to its contacts first: once both have
 * written, their messages are the short ones that most of a conversation consists of.
 */
export async function pairTalkingAccounts(
	engine: EngineProcess,
	network: Network,
	{ count, contacts }: { readonly count: number; readonly contacts: number },
): Promise<PairedAccount[]> {
	const accounts: PairedAccount[] = [];
	let begun = 0;
	const pairOnes = async () => {
		while (begun < count) {
			const account = await pairOne(engine, network, `shop ${begun++}`);
			await introduce(engine, network, account, contacts);
			accounts.push(account);
		}
	};
	await Promise.all(Array.from({ length: PAIRED_AT_A_TIME }, pairOnes));
	for (const { phoneNumber } of accounts) await settle(network, phoneNumber);
	return accounts;
}

/** The account's contact of this number; each account has contacts of its own. */
export function chatOf({ phoneNumber }: PairedAccount, contact: number): Chat {
	return { from: `4${contact}${phoneNumber.slice(2)}`, to: phoneNumber };
}

/** Looks now and then; throws after a while, and says what did not come. */
export async function until(
	probe: () => Promise<boolean>,
	what: string,
	withinMs = PATIENCE_MS,
): Promise<void> {
	const lastAt = Date.now() + withinMs;
	while (!(await probe())) {
		if (Date.now() > lastAt) throw new Error(`${what} did not come within ${withinMs} ms`);
		await sleep(LOOK_EVERY_MS);
	}
}

async function pairOne(
	engine: EngineProcess,
	network: Network,
	name: string,
): Promise<PairedAccount> {
	const { id } = await engine.call<{ id: InstanceId }>('POST', '/v1/instances', { name }, LIVE_KEY);
	const path = `/v1/instances/${id}`;
	const { code } = await engine.call<{ code: string }>('GET', `${path}/qr`, undefined, LIVE_KEY);
	const { phoneNumber } = await network.call('scanQr', code);
	await until(async () => {
		const { state } = await engine.call<{ state: string }>('GET', path, undefined, LIVE_KEY);
		return state === 'connected';
	}, `the connection of ${phoneNumber}`);
	return { instanceId: id, phoneNumber };
}

async function introduce(
	engine: EngineProcess,
	network: Network,
	account: PairedAccount,
	contacts: number,
): Promise<void> {
	const { instanceId, phoneNumber } = account;
	for (let contact = 0; contact < contacts; contact++) {
		const chat = chatOf(account, contact);
		await network.call('write', chat, 'hello');
		await settle(network, phoneNumber);
		const reply = { to: chat.from, body: { type: 'text', text: 'hello' } };
		await engine.call('POST', `/v1/instances/${instanceId}/messages`, reply, LIVE_KEY);
		await until(
			async () => (await network.call('replies', phoneNumber)) > contact,
			`the reply of ${phoneNumber}`,
		);
	}
}

/** Waits until the account has acknowledged all that it was sent. */
function settle(network: Network, phoneNumber: string): Promise<void> {
	const isSettled = async () => (await network.call('undelivered', phoneNumber)) === 0;
	return until(isSettled, `the acknowledgements of ${phoneNumber}`);
}

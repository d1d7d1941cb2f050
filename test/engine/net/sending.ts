import type { Socket } from 'node:net';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import {
	UndiciWebhookClient,
	type CancellableWebhookRequest,
	type UndiciWebhookClientOptions,
} from '../../../engine/src/net/webhook-client.ts';
import { startRawReceiver, startReceiver, type Answer, type Receiver } from './receivers.ts';

/** Answers one request in raw bytes, once its headers have come. */
export type RawAnswer = (socket: Socket) => void;

const open: { close(): Promise<void> }[] = [];

/** To be called after each test. */
export async function closeAll(): Promise<void> {
	for (const closable of open.splice(0).reverse()) await closable.close();
}

/** Hands back what it is given, to be closed with everything else. */
export function closing<T extends { close(): Promise<void> }>(closable: T): T {
	open.push(closable);
	return closable;
}

export async function receive(answer?: Answer): Promise<Receiver> {
	return closing(await startReceiver(answer));
}

export async function receiveRaw(answer: RawAnswer): Promise<Receiver> {
	return closing(await startRawReceiver((socket) => socket.once('data', () => answer(socket))));
}

export function client(options: Partial<UndiciWebhookClientOptions> = {}): UndiciWebhookClient {
	const guard = new ResolvingUrlGuard({ allowPrivate: [] });
	return closing(new UndiciWebhookClient({ guard, ...options }));
}

export function request(url: string): CancellableWebhookRequest {
	return { url, mode: 'test', headers: {}, body: Buffer.from('{}') };
}

export async function send(
	url: string,
	changes: Partial<CancellableWebhookRequest> = {},
	options: Partial<UndiciWebhookClientOptions> = {},
) {
	return await client(options).send({ ...request(url), ...changes });
}

/** Whether with a reset or in good order. */
export async function closed(socket: Socket): Promise<void> {
	if (socket.destroyed) return;
	await new Promise((resolve) => socket.once('close', resolve));
}

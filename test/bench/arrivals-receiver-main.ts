/** Run as a process: receives webhooks at any path, and notes when each was there completely. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCalls, preciseNow } from './arrivals-process.ts';

export interface Arrival {
	readonly text: string;
	/** Absent where no webhook brought it. */
	readonly eventId?: string;
	readonly at: number;
}

interface Path {
	status: number;
	/** What was answered 200, in this order. */
	accepted: { readonly body: string; readonly at: number }[];
	refused: number;
}

const OK = 200;

const paths = new Map<string, Path>();

const server = createServer((request, response) => {
	const chunks: Buffer[] = [];
	request.on('data', (chunk: Buffer) => chunks.push(chunk));
	request.on('end', () => {
		const at = preciseNow();
		const path = pathAt(request.url ?? '/');
		response.writeHead(path.status).end();
		if (path.status === OK) path.accepted.push({ body: Buffer.concat(chunks).toString(), at });
		else path.refused++;
	});
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const answers = {
	port: () => (server.address() as AddressInfo).port,
	answer(path: string, status: number): void {
		pathAt(path).status = status;
	},
	forget: (path: string) => paths.delete(path),
	accepted: (path: string) => pathAt(path).accepted.length,
	refused: (path: string) => pathAt(path).refused,
	arrivals: (path: string): Arrival[] =>
		pathAt(path).accepted.map(({ body, at }) => {
			const event = JSON.parse(body) as { event_id: string; data: { body: { text: string } } };
			return { text: event.data.body.text, eventId: event.event_id, at };
		}),
};

export type ReceiverAnswers = typeof answers;

function pathAt(name: string): Path {
	const path = paths.get(name) ?? { status: OK, accepted: [], refused: 0 };
	paths.set(name, path);
	return path;
}

answerCalls(answers);

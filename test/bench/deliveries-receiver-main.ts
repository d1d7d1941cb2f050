/**
 * A receiver of webhooks in a process of its own: answers 200 at once, or never under `/hang`.
 * Tells its port when it listens, and hangs up on all when it is told anything.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
	request.resume();
	if (request.url?.startsWith('/hang')) return;
	request.on('end', () => response.writeHead(200).end());
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
	process.send?.((server.address() as AddressInfo).port);
});
process.on('message', () => server.closeAllConnections());
process.on('disconnect', () => process.exit(0));

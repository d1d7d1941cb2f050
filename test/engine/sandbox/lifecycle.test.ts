import { describe, expect, it } from '@jest/globals';
import { SimulatedNetwork } from '../../../engine/src/sandbox/simulated-network.ts';
import { until } from '../../support/baileys-client.ts';
import { ANA, Harness } from './harness.ts';

describe('the life of a simulated network', () => {
	const harness = new Harness({ inFile: true });

	it('begins with start', async () => {
		const network = new SimulatedNetwork();

		expect(() => network.url).toThrow(expect.objectContaining({ code: 'not_running' }));
		await network.stop();
	});

	it('does not begin on a port that is in use, nor on the file of another network', async () => {
		const port = Number(new URL(harness.network.url).port);

		const samePort = new SimulatedNetwork({ port });
		const sameFile = new SimulatedNetwork({ file: harness.file });

		await expect(samePort.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
		await expect(sameFile.start()).rejects.toThrow('database is locked');
	});

	it('ends in the middle of a burst with every message either kept or refused', async () => {
		const client = await harness.paired();
		const acknowledged = new Set<string>();
		harness.network.on('delivered', (_from, { messageId }) => acknowledged.add(messageId));
		const sent = Array.from({ length: 500 }, (_, i) =>
			harness.network.sendText({ from: ANA, to: 'shop', text: String(i) }),
		);
		await until(() => acknowledged.size > 0);

		await harness.network.stop();
		const results = await Promise.allSettled(sent);
		await client.closed();
		await harness.start();

		const refused = results.filter((result) => result.status === 'rejected');
		expect(refused.length).toBeGreaterThan(0);
		for (const { reason } of refused) expect(reason).toMatchObject({ code: 'not_running' });
		const kept = results.length - refused.length - acknowledged.size;
		expect(harness.network.devices()).toMatchObject([{ undelivered: kept }]);
	});

	it('answers what is not a WebSocket with 426', async () => {
		const response = await fetch(harness.network.url.replace('ws:', 'http:'));

		expect(response.status).toBe(426);
	});
});

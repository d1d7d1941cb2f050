import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import type { FaultKind } from '../../../engine/src/sandbox/simulated-network.ts';
import { until } from '../../support/baileys-client.ts';
import { ANA, Harness, SHOP } from './harness.ts';

/** The status code that Baileys makes of each fault. */
const STATUS: readonly [FaultKind, number][] = [
	['logged_out', 401],
	['banned', 403],
	['client_outdated', 405],
	['multidevice_mismatch', 411],
	['connection_lost', 428],
	['stream_ended', 428],
	['replaced', 440],
	['server_error', 500],
	['service_unavailable', 503],
	['restart_required', 515],
];
const PERMANENT = new Set<FaultKind>(['logged_out', 'banned']);

describe('faults of the simulated network', () => {
	const harness = new Harness();

	it.each(STATUS)('%s ends a connection with %i', async (kind, status) => {
		const client = await harness.paired();

		harness.network.fault('shop', kind);

		expect(await client.closed()).toBe(status);
		client.connect(harness.network.urlFor('shop'));
		await until(() => client.state === 'open' || client.state === 'closed');
		expect(client.state).toBe(PERMANENT.has(kind) ? 'closed' : 'open');
		if (PERMANENT.has(kind)) expect(client.closes.at(-1)).toBe(status);
	});

	it('happen at the next login of a device that is away, once', async () => {
		const client = await harness.paired();
		await client.end();
		await until(() => harness.network.devices()[0]?.connected === false);

		harness.network.fault(SHOP, 'service_unavailable');
		client.connect(harness.network.urlFor('shop'));

		expect(await client.closed()).toBe(503);
		client.connect(harness.network.urlFor('shop'));
		await client.open();
	});

	it('reach a connection that is not paired yet, by its label', async () => {
		const client = harness.client().connect(harness.network.urlFor('shop'));
		await client.qr();

		harness.network.fault('shop', 'client_outdated');

		expect(await client.closed()).toBe(405);
	});

	it('need a device or a connection', () => {
		const fault = () => harness.network.fault('nobody', 'server_error');

		expect(fault).toThrow(expect.objectContaining({ code: 'unknown_device' }));
	});

	it('make the network forget a device that is logged out, with all that waits for it', async () => {
		const client = await harness.paired();
		await client.end();
		await harness.network.sendText({ from: ANA, to: 'shop', text: 'oi' });

		harness.network.fault('shop', 'logged_out');

		expect(harness.network.devices()).toEqual([]);
		const sent = harness.network.sendText({ from: ANA, to: 'shop', text: 'oi' });
		await expect(sent).rejects.toMatchObject({ code: 'unknown_device' });
	});

	it('can be healed', async () => {
		const client = await harness.paired();
		harness.network.fault('shop', 'banned');
		await client.closed();

		harness.network.heal('shop');
		client.connect(harness.network.urlFor('shop'));

		await client.open();
	});

	it('let a second connection of the same device replace the first', async () => {
		const client = await harness.paired();
		const twin = harness.track(client.copy());

		twin.connect(harness.network.urlFor('shop'));
		await twin.open();

		expect(await client.closed()).toBe(440);
		await harness.network.sendText({ from: ANA, to: 'shop', text: 'oi' });
		await until(() => twin.texts.length === 1);
		await harness.settled();
	});

	it('refuse upgrades by HTTP 503, three times unless told otherwise', async () => {
		const client = await harness.paired();

		harness.network.fault('shop', 'upgrade_refused');
		await client.closed();
		const answers = await upgrades(harness.network.urlFor('shop'), 4);
		harness.network.fault('other', 'upgrade_refused', { upgrades: 1 });
		const others = await upgrades(harness.network.urlFor('other'), 2);

		expect(answers).toEqual([503, 503, 503, 101]);
		expect(others).toEqual([503, 101]);
	});

	it('leave Baileys hanging when its upgrade is refused, until it is ended', async () => {
		const client = await harness.paired();
		harness.network.fault('shop', 'upgrade_refused');
		await client.closed();

		client.connect(harness.network.urlFor('shop'), { connectTimeoutMs: 200 });
		await new Promise((resolve) => setTimeout(resolve, 600));

		expect(client.state).toBe('connecting');
		await client.end();
		expect(client.state).toBe('closed');
	});

	it('fall silent without closing, which the keep-alive notices', async () => {
		const client = await harness.paired();
		await client.end();
		client.connect(harness.network.urlFor('shop'), { keepAliveIntervalMs: 300 });
		await client.open();

		harness.network.fault('shop', 'silent');

		expect(client.state).toBe('open');
		expect(await client.closed()).toBe(408);
	});

	/** What the server answers to so many requests for a WebSocket. */
	async function upgrades(url: string, times: number): Promise<(number | undefined)[]> {
		const statuses: (number | undefined)[] = [];
		for (let i = 0; i < times; i++) {
			const socket = new WebSocket(url);
			socket.on('error', () => undefined);
			const [event] = await Promise.race([
				once(socket, 'upgrade'),
				once(socket, 'unexpected-response').then(([, response]) => [response]),
			]);
			statuses.push((event as { statusCode?: number }).statusCode);
			socket.terminate();
		}
		return statuses;
	}
});

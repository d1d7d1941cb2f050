import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { EngineProcess, temporaryDir, TEST_KEY } from '../support/engine-process.ts';
import { EventSourceReader, type StreamedEvent } from '../support/event-source.ts';
import { eventually } from '../support/system.ts';

/** To install Chromium takes a while, where it is not there yet. */
const INSTALLATION_MS = 180_000;

/** Before every event that there can be. */
const LEAST_ID = 'evt_00000000-0000-7000-8000-000000000000';

/** The stream as a web page of another origin meets it, in a real browser. */
describe('the event stream', () => {
	let dir: Awaited<ReturnType<typeof temporaryDir>>;
	let engine: EngineProcess;
	let browser: Browser;
	let website: Server;
	let page: Page;

	beforeAll(async () => {
		browser = await openBrowser();
		website = createServer((_request, response) => {
			response.setHeader('content-type', 'text/html').end('<title>A page</title>');
		});
		await new Promise<void>((resolve) => website.listen(0, '127.0.0.1', resolve));
	}, INSTALLATION_MS);

	afterAll(async () => {
		await browser?.close();
		website?.close();
	});

	beforeEach(async () => {
		dir = await temporaryDir();
		engine = await EngineProcess.start({ dataDir: dir.path });
		page = await browser.newPage();
		await page.goto(`http://127.0.0.1:${(website.address() as AddressInfo).port}/`);
	});

	afterEach(async () => {
		await page?.close();
		await engine?.stop();
		await dir?.dispose();
	});

	it('reaches an EventSource, which goes on by itself when the engine was killed', async () => {
		const { token } = await engine.call<{ token: string }>('POST', '/v1/events/token');
		await follow(`${engine.url}/v1/events?token=${token}`);
		const shop = await startInstance('shop');
		await eventually(() => hasArrived(shop), { what: 'an event of the shop' });

		engine.kill('SIGKILL');
		await engine.exited;
		const env = { WHATISUP_PORT: new URL(engine.url).port };
		engine = await EngineProcess.start({ dataDir: dir.path, env });
		const office = await startInstance('office');
		await eventually(() => hasArrived(office), { what: 'an event of the office' });

		const arrived = await arrivals();
		const truth = await EventSourceReader.open(
			`${engine.url}/v1/events?last_event_id=${LEAST_ID}`,
			{ headers: { authorization: `Bearer ${TEST_KEY}` } },
		);
		await truth.until(arrived.length);
		truth.close();
		const stored = truth.events.slice(0, arrived.length);
		expect(arrived.map(({ id }) => id)).toEqual(stored.map(({ id }) => id));
		expect(arrived.map(({ data }) => data)).toEqual(stored.map(({ data }) => data));
		expect(await page.evaluate<number>('opened')).toBe(2);
	}, 60_000);

	async function startInstance(name: string): Promise<string> {
		const { id } = await engine.call<{ id: string }>('POST', '/v1/instances', { name });
		await engine.call('POST', `/v1/instances/${id}/start`);
		return id;
	}

	/** Resolves when the browser has connected. */
	async function follow(url: string): Promise<void> {
		await page.evaluate(`
			var arrivals = [], opened = 0;
			var source = new EventSource(${JSON.stringify(url)});
			source.onopen = () => opened++;
			source.onmessage = ({ lastEventId, data }) => arrivals.push({ id: lastEventId, data });
		`);
		await eventually(() => page.evaluate<boolean>('opened === 1'), { what: 'the open stream' });
	}

	function arrivals(): Promise<StreamedEvent[]> {
		return page.evaluate<StreamedEvent[]>('arrivals');
	}

	async function hasArrived(instance: string): Promise<boolean> {
		return (await arrivals()).some(({ data }) => data.includes(instance));
	}
});

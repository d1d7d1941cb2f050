import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContextOptions, Locator } from 'playwright-core';
import { openBrowser, Visit } from '../support/browser.ts';
import { EngineProcess, temporaryDir } from '../support/engine-process.ts';
import { readQrCode } from './n8n/support/qr-picture.ts';

const NUMBER = '5511988887777';
const OTHER_NUMBER = '5511900000000';

const PHONE: BrowserContextOptions = {
	viewport: { width: 360, height: 740 },
	deviceScaleFactor: 2,
	isMobile: true,
	hasTouch: true,
};
const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };
const THEMES = ['light', 'dark'] as const;

/** To install Chromium takes a while, where it is not there yet. */
const INSTALLATION_MS = 180_000;

/** The page as people meet it, in a real browser. Pictures go to test/e2e/screenshots. */
describe('the pairing page', () => {
	let dir: Awaited<ReturnType<typeof temporaryDir>>;
	let engine: EngineProcess;
	let browser: Browser;
	let instance: string;
	let url: string;
	let visit: Visit;

	beforeAll(async () => {
		browser = await openBrowser();
		dir = await temporaryDir();
		engine = await EngineProcess.start({ dataDir: dir.path, env: { LOG_LEVEL: 'debug' } });
	}, INSTALLATION_MS);

	afterAll(async () => {
		await browser?.close();
		await engine?.stop();
		await dir?.dispose();
	});

	beforeEach(async () => {
		const body = { name: 'Corner shop' };
		instance = (await engine.call<{ id: string }>('POST', '/v1/instances', body)).id;
		url = (await engine.call<{ url: string }>('POST', path('/pairing-link'))).url;
	});

	afterEach(async () => {
		expect(visit.faults).toEqual([]);
		expect(visit.loads).toBe(1);
		expect(await visit.overflows()).toBe(false);
		expect(engine.output).not.toContain(url.split('/').at(-1));
		expect(engine.output).not.toContain(NUMBER);
		await visit.end();
		await engine.call('DELETE', path(''));
	});

	describe.each(THEMES)('in the %s', (colorScheme) => {
		it('goes from the QR code to "Connected" without a reload, on a phone-sized screen', async () => {
			await open({ ...PHONE, colorScheme });
			await press('Scan a QR code instead');
			await shown('Scan this code with the phone');
			await seen(visit.page.getByText(/New code in \d+ s/));
			const picture = await visit.picture(`pairing-phone-qr-${colorScheme}`);

			const { code } = await engine.call('GET', path('/qr'));
			expect(readQrCode(picture)).toBe(code);
			await engine.call('POST', sandbox('/scan'), { phone_number: NUMBER });

			await shown('Connected');
			await seen(visit.page.getByText('The phone number ending in 7777 is linked.'));
			await visit.picture(`pairing-phone-connected-${colorScheme}`);
		});

		it('goes from a pairing code to "Connected" on the phone itself', async () => {
			await open({ ...PHONE, colorScheme });
			await shown('Link with your phone number');
			await visit.picture(`pairing-phone-number-${colorScheme}`);

			await numberField().fill('+55 (11) 98888-7777');
			await press('Get a code');
			await shown('Type this code into WhatsApp');
			await seen(visit.page.getByText(/Valid for 2:\d\d/));
			await visit.picture(`pairing-phone-code-${colorScheme}`);
			const code = await shownCode();
			expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
			await engine.call('POST', sandbox('/enter-code'), { phone_number: NUMBER, code });

			await shown('Connected');
		});

		it('has room for a code and its instructions side by side on a large screen', async () => {
			await open({ ...DESKTOP, colorScheme });
			await shown('Scan this code with the phone');
			await seen(visit.page.getByText(/New code in \d+ s/));

			const picture = await visit.picture(`pairing-desktop-qr-${colorScheme}`);

			expect(readQrCode(picture)).toBeDefined();
			const code = await visit.page.getByRole('img', { name: /QR code/ }).boundingBox();
			const steps = await visit.page.getByRole('list').boundingBox();
			expect(code!.x).toBeGreaterThan(steps!.x + steps!.width);
			expect(code!.y + code!.height).toBeLessThan(800);
		});
	});

	it('can be used with a keyboard alone, and leads on from screen to screen', async () => {
		await open(DESKTOP);
		await shown('Scan this code with the phone');

		await tabTo(visit.page.getByRole('button', { name: 'Link with phone number instead' }));
		await visit.page.keyboard.press('Enter');
		await focused(await shown('Link with your phone number'));
		await tabTo(numberField());
		await visit.page.keyboard.type('12');
		await visit.page.keyboard.press('Enter');
		await seen(visit.page.getByRole('alert').filter({ hasText: 'Enter the whole number' }));
		await focused(numberField());
		await visit.picture('pairing-desktop-number-error');
		await visit.page.keyboard.press('ControlOrMeta+A');
		await visit.page.keyboard.type(NUMBER);
		await visit.page.keyboard.press('Enter');

		await focused(await shown('Type this code into WhatsApp'));
		await visit.picture('pairing-desktop-code');
		await tabTo(visit.page.getByRole('button', { name: 'Copy the code' }));
		await visit.page.keyboard.press('Enter');
		await seen(visit.page.getByRole('button', { name: 'Copied' }));
	});

	it('copies the code', async () => {
		await open({ ...PHONE, permissions: ['clipboard-read', 'clipboard-write'] });
		await numberField().fill(NUMBER);
		await press('Get a code');
		await shown('Type this code into WhatsApp');

		await press('Copy the code');

		await seen(visit.page.getByRole('button', { name: 'Copied' }));
		const copied = await visit.page.evaluate<string>('navigator.clipboard.readText()');
		expect(copied).toBe((await shownCode()).replace('-', ''));
	});

	it('tells those who cannot see it what happens', async () => {
		await open(DESKTOP);
		const announcement = visit.page.getByRole('status').filter({ hasText: /\w/ });
		await seen(announcement.filter({ hasText: 'Scan this code with the phone' }));

		await engine.call('POST', sandbox('/scan'), {});

		await seen(announcement.filter({ hasText: 'Connected. The phone number ending in' }));
		expect(await visit.page.title()).toBe('Connected · Corner shop');
	});

	it('waits while the instance is stopped, and goes on when it is started again', async () => {
		await open(DESKTOP);
		await shown('Scan this code with the phone');

		await engine.call('POST', path('/stop'));
		await shown('On hold');
		expect(await visit.page.getByRole('button').count()).toBe(0);
		await visit.picture('pairing-desktop-on-hold');
		await engine.call('POST', path('/start'));

		await shown('Scan this code with the phone');
	});

	it('says that another phone was scanned, and shows a new code', async () => {
		await engine.call('PATCH', path(''), { expected_phone_number: NUMBER });
		await open(PHONE);
		await press('Scan a QR code instead');
		await seen(visit.page.getByText(/New code in \d+ s/));
		await engine.call('POST', sandbox('/scan'), { phone_number: OTHER_NUMBER });
		await shown('That was another phone');
		await visit.picture('pairing-phone-another-phone');

		await press('Show a new code');

		await focused(await shown('Scan this code with the phone'));
		await seen(visit.page.getByText(/New code in \d+ s/));
		await engine.call('POST', sandbox('/scan'), { phone_number: NUMBER });
		await shown('Connected');
	});

	it('comes back by itself when the network was away', async () => {
		await open(DESKTOP);
		await shown('Scan this code with the phone');
		await visit.page.context().setOffline(true);
		await seen(visit.page.getByText('No connection at the moment.'));
		await visit.picture('pairing-desktop-offline');

		await visit.page.context().setOffline(false);
		await engine.call('POST', sandbox('/scan'), {});

		await shown('Connected');
		await visit.page.getByText('No connection at the moment.').waitFor({ state: 'hidden' });
		forget(/ERR_INTERNET_DISCONNECTED/);
	});

	it('says that the link is over, while it is open and when it is opened', async () => {
		await open(PHONE);
		await shown('Link with your phone number');

		await engine.call('DELETE', path('/pairing-link'));
		await shown('This link is not valid any more');
		const late = await Visit.begin(browser, url, PHONE);

		await late.page.getByRole('heading', { name: 'This link is not valid any more' }).waitFor();
		await late.picture('pairing-phone-link-over');
		await late.end();
		forget(/404 \(Not Found\)/);
	});

	it('still says "Connected" when it is loaded again right after the pairing', async () => {
		await open(PHONE);
		await press('Scan a QR code instead');
		await seen(visit.page.getByText(/New code in \d+ s/));
		await engine.call('POST', sandbox('/scan'), {});
		await shown('Connected');

		const again = await Visit.begin(browser, url, PHONE);

		await again.page.getByRole('heading', { name: 'Connected' }).waitFor();
		expect(again.faults).toEqual([]);
		await again.end();
	});

	it.each([320, 280])('fits on a screen of %d pixels', async (width) => {
		await open({ ...PHONE, viewport: { width, height: 600 } });
		await numberField().fill(NUMBER);
		await press('Get a code');
		await shown('Type this code into WhatsApp');

		expect(await visit.overflows()).toBe(false);
		await visit.picture(`pairing-${width}-pixels`);
	});

	async function open(options: BrowserContextOptions): Promise<void> {
		visit = await Visit.begin(browser, url, options);
	}

	/** Waits for the screen with this heading, and answers the heading. */
	async function shown(heading: string): Promise<Locator> {
		const locator = visit.page.getByRole('heading', { level: 1, name: heading, exact: true });
		await seen(locator);
		expect(await visit.page.getByRole('heading').count()).toBe(1);
		return locator;
	}

	function seen(locator: Locator): Promise<void> {
		return locator.first().waitFor();
	}

	function press(name: string): Promise<void> {
		return visit.page.getByRole('button', { name, exact: true }).click();
	}

	function numberField(): Locator {
		return visit.page.getByLabel('Phone number of the WhatsApp account');
	}

	/** As it stands there: the boxes are read one after another. */
	async function shownCode(): Promise<string> {
		return (await visit.page.locator('#code').innerText()).replace(/\s/g, '');
	}

	async function tabTo(target: Locator): Promise<void> {
		for (let presses = 0; presses < 10; presses++) {
			await visit.page.keyboard.press('Tab');
			if (await isFocused(target)) return;
		}
		throw new Error('the keyboard does not lead there');
	}

	async function focused(target: Locator): Promise<void> {
		expect(await isFocused(target)).toBe(true);
	}

	function isFocused(target: Locator): Promise<boolean> {
		return target.evaluate((node) => node === node.ownerDocument.activeElement);
	}

	/** Takes out of the faults what the test itself has caused. */
	function forget(caused: RegExp): void {
		const left = visit.faults.filter((fault) => !caused.test(fault));
		visit.faults.splice(0, visit.faults.length, ...left);
	}

	function path(rest: string): string {
		return `/v1/instances/${instance}${rest}`;
	}

	function sandbox(rest: string): string {
		return `/v1/sandbox/instances/${instance}${rest}`;
	}
});

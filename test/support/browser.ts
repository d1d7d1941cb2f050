import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

const PICTURES = new URL('../e2e/screenshots/', import.meta.url).pathname;
const PATIENCE_MS = 15_000;

/** A Chromium without a window, installed where there is none. */
export async function openBrowser(): Promise<Browser> {
	const [{ requireProgram }, program] = await Promise.all([
		load<{ requireProgram: (program: unknown, say: (text: string) => void) => Promise<string> }>(
			'./debian-package.mjs',
		),
		load<{ chromium: unknown }>('./chromium-program.mjs'),
	]);
	const executablePath = await requireProgram(program.chromium, (text) => {
		process.stderr.write(`${text}\n`);
	});
	return chromium.launch({ executablePath, args: FLAGS });
}

/** One person's visit to a page of the engine, and all that goes wrong during it. */
export class Visit {
	readonly page: Page;
	/** Errors, refusals by the page's own policy, and requests to anyone but the engine. */
	readonly faults: string[] = [];
	/** How often the page was loaded. */
	loads = 0;

	static async begin(
		browser: Browser,
		url: string,
		options: BrowserContextOptions = {},
	): Promise<Visit> {
		const context = await browser.newContext(options);
		const visit = new Visit(await context.newPage(), new URL(url).origin);
		await visit.page.goto(url);
		return visit;
	}

	private constructor(page: Page, origin: string) {
		this.page = page;
		page.setDefaultTimeout(PATIENCE_MS);
		page.on('pageerror', (error) => this.faults.push(error.message));
		// Chromium reports what a policy refuses to the console as well.
		page.on('console', (message) => {
			if (message.type() === 'error' || message.type() === 'warning') {
				this.faults.push(message.text());
			}
		});
		page.on('request', (request) => {
			const { protocol, origin: to } = new URL(request.url());
			if (protocol !== 'data:' && to !== origin) this.faults.push(`request to ${request.url()}`);
		});
		page.on('load', () => this.loads++);
	}

	/** Whether there is anything to the right of the screen. */
	overflows(): Promise<boolean> {
		return this.page.evaluate<boolean>(
			'document.documentElement.scrollWidth > document.documentElement.clientWidth',
		);
	}

	/** Takes a picture of the whole page, for people to look at. */
	picture(name: string): Promise<Buffer> {
		const path = `${PICTURES}${name}.png`;
		return this.page.screenshot({ path, animations: 'disabled', fullPage: true });
	}

	end(): Promise<void> {
		return this.page.context().close();
	}
}

async function load<T>(file: string): Promise<T> {
	return (await import(new URL(file, import.meta.url).href)) as T;
}

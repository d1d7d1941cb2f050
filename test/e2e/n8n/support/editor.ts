import { chromium, selectors, type Browser, type Locator, type Page } from 'playwright-core';
import { OWNER } from './n8n-api.ts';
import { patiently } from './patiently.ts';

export type Theme = 'light' | 'dark';

const PICTURES = new URL('../../screenshots/', import.meta.url).pathname;
const WINDOW = { width: 1440, height: 900 };
const PATIENCE_MS = 30_000;

const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

selectors.setTestIdAttribute('data-test-id');

/** n8n's editor in a real browser, as its owner sees it. */
export class Editor {
	/** Errors that the page threw: for a user, something that does not react. */
	readonly faults: string[] = [];
	readonly #page: Page;
	readonly #browser: Browser;
	readonly #url: string;
	readonly #theme: Theme;

	private constructor(page: Page, browser: Browser, url: string, theme: Theme) {
		this.#page = page;
		this.#browser = browser;
		this.#url = url;
		this.#theme = theme;
		page.setDefaultTimeout(PATIENCE_MS);
		page.on('pageerror', (error) => this.faults.push(error.message));
	}

	/** Starts the browser and logs in. */
	static async open(url: string, theme: Theme): Promise<Editor> {
		const executablePath = process.env['WHATISUP_TEST_CHROMIUM'];
		if (executablePath === undefined) throw new Error('These tests are run by: npm run test:n8n');
		const browser = await chromium.launch({ executablePath, args: FLAGS });
		try {
			const page = await browser.newPage({ colorScheme: theme, viewport: WINDOW });
			const editor = new Editor(page, browser, url, theme);
			await editor.#logIn();
			return editor;
		} catch (error) {
			await browser.close();
			throw error;
		}
	}

	async close(): Promise<void> {
		await this.#browser.close();
	}

	/** Shows a workflow's canvas, as it was left if it is the one that was shown last. */
	async showWorkflow(id: string): Promise<void> {
		const close = this.#page.getByTestId('ndv-close-button');
		if (await close.isVisible()) await close.click();
		const url = `${this.#url}/workflow/${id}`;
		if (!this.#page.url().startsWith(url)) await this.#page.goto(url);
		await this.#page.getByTestId('canvas-node').first().waitFor();
	}

	/** The icon of a node on the canvas. One that did not load cannot be decoded. */
	icon(nodeName: string): Promise<{ file: string; width: number }> {
		const picture = this.#node(nodeName).locator('img');
		return picture.evaluate(async (image: Picture) => {
			await image.decode();
			return { file: image.src.replace(/.*\//, ''), width: image.naturalWidth };
		});
	}

	/** Runs the workflow that is shown, to the success of its last node. */
	async runWorkflow(lastNode: string): Promise<void> {
		await this.#page.getByTestId('execute-workflow-button').click();
		await this.#node(lastNode).getByTestId('canvas-node-status-success').waitFor();
	}

	/** Opens the panel of a node. */
	async openPanel(nodeName: string): Promise<Panel> {
		await this.#node(nodeName).dblclick();
		await this.#page.getByTestId('node-parameters').waitFor();
		return new Panel(this.#page);
	}

	/** Takes a picture of the window, for people to look at. */
	picture(name: string): Promise<Buffer> {
		const path = `${PICTURES}${name}-${this.#theme}.png`;
		return this.#page.screenshot({ path, animations: 'disabled' });
	}

	#node(name: string): Locator {
		return this.#page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`);
	}

	async #logIn(): Promise<void> {
		await this.#page.goto(`${this.#url}/signin`);
		await this.#page.fill('input[name=emailOrLdapLoginId]', OWNER.email);
		await this.#page.fill('input[type=password]', OWNER.password);
		await this.#page.getByTestId('form-submit-button').click();
		await this.#page.waitForURL(({ pathname }) => !pathname.startsWith('/signin'));
	}
}

/** The open panel of a node: its input, parameters and output. */
export class Panel {
	readonly #page: Page;

	constructor(page: Page) {
		this.#page = page;
	}

	/** Waits until these parameters are shown, and fails with what is shown if they do not come. */
	async expectParameters(names: readonly string[]): Promise<void> {
		const labels = this.#page.getByTestId('node-parameters').locator('label:visible');
		let shown: string[] = [];
		const allShown = async () => {
			// Beside some names stands the choice between a fixed value and an expression.
			shown = (await labels.allInnerTexts()).map((label) => label.split('\n')[0] ?? '');
			return names.every((name) => shown.includes(name));
		};
		await patiently('the parameters', allShown).catch(() => {
			throw new Error(`Expected ${names.join(', ')} among the parameters ${shown.join(', ')}`);
		});
	}

	/** Brings a parameter into sight. n8n draws it anew when the choices of another have arrived. */
	async scrollTo(label: string): Promise<void> {
		const labels = this.#page.getByTestId('node-parameters').locator('label');
		const parameter = labels.filter({ hasText: label }).first();
		const isInSight = () =>
			parameter.scrollIntoViewIfNeeded().then(
				() => true,
				() => false,
			);
		await patiently(`a look at ${label}`, isInSight);
	}

	/** The text of the output side, once it holds what is waited for. */
	async output(awaited: string): Promise<string> {
		const output = this.#page.getByTestId('output-panel');
		await output.getByText(awaited).first().waitFor();
		return output.innerText();
	}

	/** Runs this node, and what has to run before it. */
	async execute(): Promise<void> {
		await this.#page.getByTestId('node-execute-button').first().click();
	}

	/** Opens the list of a field, and answers its entries once one of them is there. */
	async choices(field: string, awaited: string): Promise<string[]> {
		await this.#page.getByTestId(`resource-locator-${field}`).getByTestId('rlc-input').click();
		const entries = this.#page.getByTestId('rlc-item');
		await entries.filter({ hasText: awaited }).waitFor();
		return entries.allInnerTexts();
	}

	/** Shows the picture that the node put out, and waits until it is there. */
	async viewPicture(): Promise<void> {
		await this.#page.getByTestId('ndv-view-binary-data').click();
		const picture = this.#page.locator('.binary-data-window-wrapper img');
		await picture.evaluate((image: Picture) => image.decode());
	}
}

/** Of an `<img>`, what the functions use that run in the page. */
interface Picture {
	readonly src: string;
	readonly naturalWidth: number;
	decode(): Promise<void>;
}

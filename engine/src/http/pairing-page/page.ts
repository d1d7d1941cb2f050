import { MESSAGES, type Message } from './messages.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** A page that a browser is let do nothing with but what is in it. */
export interface Page {
	html(nonce: string): string;
	/** The Content-Security-Policy that belongs to the same nonce. */
	policy(nonce: string): string;
}

const ICONS: Readonly<Record<Message['icon'], string>> = {
	spinner: '<path d="M21 12a9 9 0 1 1-9-9"/>',
	tick: '<circle cx="12" cy="12" r="9.5"/><path d="m7.5 12.5 3 3 6-6.5"/>',
	clock: '<circle cx="12" cy="12" r="9.5"/><path d="M12 7v5l3 2"/>',
	pause: '<circle cx="12" cy="12" r="9.5"/><path d="M10 9v6M14 9v6"/>',
	alarm: '<circle cx="12" cy="12" r="9.5"/><path d="M12 7.5v5M12 16.2v.1"/>',
	broken: '<path d="M9 17H7A5 5 0 0 1 7 7h2M15 7h2a5 5 0 0 1 3.6 8.5M4 4l16 16M8 12h4"/>',
};

const SPRITE = `<svg hidden>${Object.entries(ICONS)
	.map(([name, shapes]) => `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`)
	.join('')}</svg>`;

/** How to get to the place in WhatsApp; the last step depends on what is shown there. */
const WAY = `
		<li><span>Open <b>WhatsApp</b> on the phone that is to be linked.</span></li>
		<li><span>Go to <b>Settings</b> on an iPhone, or the menu <b><span aria-hidden="true">⋮</span><span class="unseen">with three dots</span></b> on Android, and tap <b>Linked devices</b>.</span></li>`;

const BODY = `
${SPRITE}
<main>
	<header class="brand"><span id="initial" aria-hidden="true"></span><p id="name"></p></header>

	<section data-screen="scan">
		<h1 tabindex="-1">Scan this code with the phone</h1>
		<figure class="qr">
			<div class="tile" id="tile">
				<img id="qr" alt="QR code to scan with WhatsApp" hidden>
				<svg class="icon spinner" id="tile-spinner" aria-hidden="true"><use href="#spinner"/></svg>
			</div>
			<figcaption>
				<span class="bar"><i id="qr-bar"></i></span>
				<p class="left" id="qr-left" role="timer">Getting a code…</p>
			</figcaption>
		</figure>
		<ol class="steps">${WAY}
		<li><span>Tap <b>Link a device</b> and point the camera at the code.</span></li></ol>
		<button class="other" type="button" data-method="number">Link with phone number instead</button>
	</section>

	<section data-screen="number" hidden>
		<h1 tabindex="-1">Link with your phone number</h1>
		<p class="text">You get a code of eight characters to type into WhatsApp. No camera is needed, so it also works on the phone itself.</p>
		<form id="form" novalidate>
			<label for="number">Phone number of the WhatsApp account</label>
			<input id="number" name="number" type="tel" inputmode="tel" autocomplete="tel" required aria-describedby="number-hint number-error">
			<p class="hint" id="number-hint">With the country code, as in <span class="whole">+55 11 91234 5678</span></p>
			<p class="error" id="number-error" role="alert"></p>
			<button class="main" type="submit" id="get-code">Get a code</button>
		</form>
		<button class="other" type="button" data-method="qr">Scan a QR code instead</button>
	</section>

	<section data-screen="code" hidden>
		<h1 tabindex="-1">Type this code into WhatsApp</h1>
		<p class="code" id="code" aria-hidden="true"></p>
		<p class="unseen" id="spoken-code"></p>
		<p class="left" id="code-left" role="timer"></p>
		<button class="main" type="button" id="copy">Copy the code</button>
		<ol class="steps">${WAY}
		<li><span>Tap <b>Link a device</b>, then <b>Link with phone number instead</b>, and enter the code.</span></li></ol>
		<button class="other" type="button" data-method="number">Use another number</button>
	</section>

	<section data-screen="message" hidden class="message" id="message">
		<svg class="icon" aria-hidden="true"><use id="message-icon"/></svg>
		<h1 tabindex="-1" id="message-title"></h1>
		<p class="text" id="message-text"></p>
		<button class="main" type="button" id="start" hidden></button>
		<p class="error" id="start-error" role="alert"></p>
	</section>

	<p class="notice" id="notice" role="status"></p>
	<p class="unseen" id="announcement" role="status"></p>
</main>
<footer>
	<p id="until"></p>
	<p>Linking lets the owner of this page read and send WhatsApp messages with the number. You can undo it at any time in WhatsApp, under Linked devices.</p>
</footer>
<noscript>This page needs JavaScript to show a code that changes every few seconds.</noscript>`;

const EXPIRED_BODY = `
${SPRITE}
<main>
	<section class="message">
		<svg class="icon" aria-hidden="true"><use href="#broken"/></svg>
		<h1>${MESSAGES.gone.title}</h1>
		<p class="text">${MESSAGES.gone.text}</p>
	</section>
</main>`;

/** The page of a link that is good. */
export const PAGE: Page = {
	html: (nonce) =>
		document(nonce, `${BODY}\n<script type="module" nonce="${nonce}">${SCRIPT}</script>`),
	policy: (nonce) =>
		[
			"default-src 'none'",
			`script-src 'nonce-${nonce}'`,
			`style-src 'nonce-${nonce}'`,
			'img-src data:',
			"connect-src 'self'",
			"base-uri 'none'",
			"form-action 'none'",
			"frame-ancestors 'none'",
			"require-trusted-types-for 'script'",
		].join('; '),
};

/** The page of every other link. */
export const EXPIRED_PAGE: Page = {
	html: (nonce) => document(nonce, EXPIRED_BODY),
	policy: (nonce) =>
		`default-src 'none'; style-src 'nonce-${nonce}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

function document(nonce: string, body: string): string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="format-detection" content="telephone=no">
<title>Link WhatsApp</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>${body}
</body>
</html>
`;
}

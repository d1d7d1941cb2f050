import { MESSAGES } from './messages.ts';

/**
 * What the pairing page does in the browser. It follows the pairing by asking for its state again
 * and again, where each request waits for a change, and shows one screen for each state. Nothing is
 * put into the page but text.
 *
 * It is kept as text because the server sends it inside the page: the build stays `tsc` alone, and
 * the page is one answer that refers to nothing else.
 */
export const SCRIPT = String.raw`
const SLOWEST_ANSWER_MS = 20_000;
const LONGEST_PAUSE_MS = 10_000;
const WHOLE_NUMBER = 'Enter the whole number, beginning with the country code.';

const byId = (id) => document.getElementById(id);
const here = location.pathname.replace(/\/$/, '');

/** Nobody can scan the screen of the phone that is to do the scanning. */
const isOnPhone =
	matchMedia('(max-width: 40rem)').matches && matchMedia('(pointer: coarse)').matches;

let state;
let method = isOnPhone ? 'number' : 'qr';
let shown = '';
let isOver = false;
/** The page was opened and asks for the first codes by itself. */
let isOpening = false;
/** How far the clock of the engine is ahead of ours. */
let aheadMs = 0;
let longestQrMs = 1;
let dismissedCode;
let waiting;

// ---------------------------------------------------------------- what to say

const MESSAGES = ${JSON.stringify(MESSAGES).replaceAll('<', '\\u003c')};

function messageOf({ step, reason }) {
	const isTold = ['idle', 'stopped', 'failed'].includes(step) && reason in MESSAGES;
	return MESSAGES[isTold ? reason : step];
}

function refusalText({ status, body }) {
	const { code, details = {} } = body?.error ?? {};
	const minutes = Math.ceil((details.retry_after_seconds ?? 60) / 60);
	if (status === 0) return 'No connection at the moment. Try again.';
	if (status === 400) return WHOLE_NUMBER;
	if (details.reason === 'refused') {
		return 'WhatsApp refused this number. Check it, or scan the QR code instead.';
	}
	if (details.reason === 'identity_mismatch') return 'This link is meant for another phone number.';
	if (details.reason === 'too_many_codes' || code === 'too_many_restarts') {
		return 'That was tried too often. Try again in ' + minutes + (minutes > 1 ? ' minutes.' : ' minute.');
	}
	if (code === 'worker_at_capacity') return 'All places are taken at the moment. Try again later.';
	return 'WhatsApp gives no code at the moment. Try again in a minute.';
}

// ---------------------------------------------------------------- what to show

function screen() {
	if (isOver && !state) return 'gone';
	if (!state) return 'scan';
	const canPair = isOpening || state.step === 'waiting' || state.step === 'scan';
	if (!canPair) return state.step + ':' + (messageOf(state) === MESSAGES[state.step] ? '' : state.reason);
	if (method === 'qr') return 'scan';
	return liveCode() ? 'code' : 'number';
}

function liveCode() {
	const code = state?.pairing_code;
	return code && code.code !== dismissedCode && leftMs(code.expires_at) > 0 ? code : undefined;
}

/** moveFocus: somebody acted, and the reading of the page goes on with the new screen. */
function render({ moveFocus = false } = {}) {
	const wanted = screen();
	const isNew = wanted !== shown;
	const name = ['scan', 'number', 'code'].includes(wanted) ? wanted : 'message';
	const before = document.activeElement;
	if (isNew && name === 'message') fillMessage(wanted === 'gone' ? MESSAGES.gone : messageOf(state));
	for (const section of document.querySelectorAll('[data-screen]')) {
		section.hidden = section.dataset.screen !== name;
	}
	if (name === 'scan') fillQr();
	if (name === 'code') fillCode();
	tick();
	if (!isNew) return;
	shown = wanted;
	const heading = document.querySelector('[data-screen="' + name + '"] h1');
	document.title = state ? heading.textContent + ' · ' + state.name : heading.textContent;
	const text = name === 'message' ? byId('message-text').textContent : '';
	byId('announcement').textContent = heading.textContent + '. ' + text;
	const wasLost = before && before !== document.body && before.closest('[hidden]');
	if (moveFocus || wasLost) heading.focus();
}

function fillMessage({ icon, title, text, textWithDigits, button }) {
	const digits = state?.phone_number?.slice(1);
	byId('message').dataset.icon = icon;
	byId('message-icon').setAttribute('href', '#' + icon);
	byId('message-title').textContent = title;
	byId('message-text').textContent =
		digits && textWithDigits ? textWithDigits.replace('{digits}', digits) : text;
	byId('start').textContent = button ?? '';
	byId('start').hidden = !button || !state?.can_start;
	byId('start-error').textContent = '';
}

function fillQr() {
	const image = state?.qr?.image;
	if (image && byId('qr').src !== image) {
		byId('qr').src = image;
		longestQrMs = Math.max(1, leftMs(state.qr.expires_at));
	}
	byId('qr').hidden = !image;
	byId('tile').classList.toggle('empty', !image);
}

function fillCode() {
	const { code } = liveCode();
	if (byId('code').dataset.code === code) return;
	byId('code').dataset.code = code;
	const boxes = [...code].map((character) => element('span', character));
	byId('code').replaceChildren(...boxes.slice(0, 4), element('i', '-'), ...boxes.slice(4));
	byId('spoken-code').textContent = 'The code: ' + [...code].join(' ');
	byId('copy').textContent = 'Copy the code';
}

function element(tag, text) {
	const made = document.createElement(tag);
	made.textContent = text;
	return made;
}

// ---------------------------------------------------------------- time

function leftMs(instant) {
	return Date.parse(instant) - Date.now() - aheadMs;
}

function tick() {
	if (shown === 'code' && !isOver && !liveCode() && screen() === 'number') {
		render();
		byId('number-error').textContent = 'The code has run out. Get a new one.';
	}
	const qrMs = state?.qr ? leftMs(state.qr.expires_at) : 0;
	const isOld = qrMs <= 0;
	byId('tile').classList.toggle('old', isOld);
	byId('tile-spinner').toggleAttribute('hidden', !isOld);
	byId('qr-bar').style.transform = 'scaleX(' + Math.min(1, Math.max(0, qrMs / longestQrMs)) + ')';
	byId('qr-left').textContent = isOld ? waitingText() : 'New code in ' + Math.ceil(qrMs / 1000) + ' s';
	const code = liveCode();
	byId('code-left').textContent = code ? 'Valid for ' + clock(leftMs(code.expires_at)) : '';
}

function waitingText() {
	const troubles = ['connection_timed_out', 'connection_lost', 'server_error', 'service_unavailable'];
	return troubles.includes(state?.reason)
		? 'WhatsApp cannot be reached. Trying again…'
		: 'Getting a code…';
}

function clock(ms) {
	const seconds = Math.max(0, Math.ceil(ms / 1000));
	return Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0');
}

// ---------------------------------------------------------------- the engine

async function call(path, { signal, ...options } = {}) {
	const response = await fetch(here + path, { ...options, signal, cache: 'no-store' });
	return { status: response.status, body: await response.json().catch(() => undefined) };
}

function send(path, body) {
	const headers = body ? { 'content-type': 'application/json' } : {};
	return call(path, { method: 'POST', headers, body: body && JSON.stringify(body) });
}

function accept(answer) {
	aheadMs = Date.parse(answer.now) - Date.now();
	if (!state && answer.pairing_code) method = 'number';
	state = answer;
	byId('name').textContent = answer.name;
	byId('initial').textContent = [...answer.name][0].toUpperCase();
	const until = new Date(Date.now() + leftMs(answer.link_expires_at));
	byId('until').textContent =
		'This link is valid until ' +
		until.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) + '.';
	isOver = answer.step === 'connected';
	byId('until').hidden = isOver;
	render();
}

function end() {
	// Once it has said that it worked, a link that has ended changes nothing.
	if (isOver) return;
	isOver = true;
	state = undefined;
	document.querySelector('footer').hidden = true;
	render();
}

async function follow() {
	for (let failures = 0; !isOver; ) {
		waiting = new AbortController();
		const timer = setTimeout(() => waiting.abort(), SLOWEST_ANSWER_MS);
		try {
			const since = state ? '?since=' + encodeURIComponent(state.version) : '';
			const { status, body } = await call('/state' + since, { signal: waiting.signal });
			if (status === 404) return end();
			if (status !== 200 || !body) throw new Error('status ' + status);
			failures = 0;
			isOpening = !state && body.step === 'idle';
			accept(body);
			byId('notice').textContent = '';
			if (isOpening) await start();
		} catch {
			failures++;
			if (failures > 1) byId('notice').textContent = 'No connection at the moment. Trying again…';
			await pause(Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS));
		} finally {
			clearTimeout(timer);
		}
	}
}

let endPause = () => {};
function pause(ms) {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		endPause = () => { clearTimeout(timer); resolve(); };
	});
}

// ---------------------------------------------------------------- what people do

/** One press at a time; the button stays focusable, so that nobody's place in the page is lost. */
async function whileBusy(button, text, work) {
	if (button.getAttribute('aria-disabled') === 'true') return;
	const label = button.textContent;
	button.setAttribute('aria-disabled', 'true');
	button.textContent = text;
	try {
		return await work();
	} catch {
		return { status: 0 };
	} finally {
		button.removeAttribute('aria-disabled');
		if (button.textContent === text) button.textContent = label;
	}
}

async function start() {
	const answer = await whileBusy(byId('start'), 'One moment…', () => send('/start'));
	if (!answer) return;
	isOpening = false;
	if (answer.status === 200) return accept(answer.body);
	if (answer.status === 404) return end();
	render();
	byId('start-error').textContent = refusalText(answer);
}

async function getCode(event) {
	event.preventDefault();
	const field = byId('number');
	const digits = field.value.replace(/^\s*(\+|00)/, '').replace(/[\s().\/-]/g, '');
	const isNumber = /^[1-9]\d{6,14}$/.test(digits);
	showNumberError(isNumber ? '' : WHOLE_NUMBER);
	if (!isNumber) return field.focus();
	const answer = await whileBusy(byId('get-code'), 'Asking WhatsApp…', () =>
		send('/code', { phone_number: digits }),
	);
	if (!answer) return;
	if (answer.status === 404) return end();
	if (answer.status !== 200) return showNumberError(refusalText(answer));
	dismissedCode = undefined;
	if (state) state.pairing_code = answer.body;
	render({ moveFocus: true });
}

function showNumberError(text) {
	byId('number-error').textContent = text;
	byId('number').setAttribute('aria-invalid', String(text !== ''));
}

async function copy() {
	const text = liveCode()?.code;
	if (!text) return;
	const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
	const done = isCopied || copyBySelection(text) ? 'Copied' : 'Copying is not allowed here';
	byId('copy').textContent = done;
	byId('announcement').textContent = done;
	setTimeout(() => { byId('copy').textContent = 'Copy the code'; }, 2000);
}

/** Without TLS a browser has no other clipboard. */
function copyBySelection(text) {
	const field = element('textarea', text);
	field.className = 'unseen';
	document.body.append(field);
	field.select();
	const isCopied = document.execCommand('copy');
	field.remove();
	byId('copy').focus();
	return isCopied;
}

function choose(next) {
	method = next;
	dismissedCode = state?.pairing_code?.code;
	showNumberError('');
	render({ moveFocus: true });
}

byId('form').addEventListener('submit', getCode);
byId('copy').addEventListener('click', copy);
byId('start').addEventListener('click', start);
for (const button of document.querySelectorAll('[data-method]')) {
	button.addEventListener('click', () => choose(button.dataset.method));
}
byId('qr').addEventListener('load', ({ target }) => {
	// Half its size: each module is then a whole number of pixels on every screen, and sharp.
	target.width = target.naturalWidth / 2;
});
byId('number').addEventListener('input', () => showNumberError(''));

// A phone freezes a page that is behind another app: who comes back from there sees the present.
document.addEventListener('visibilitychange', () => {
	if (document.visibilityState !== 'visible') return;
	waiting?.abort();
	endPause();
});
setInterval(tick, 1000);
render();
follow();
`;

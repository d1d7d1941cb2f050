/** The looks of the pairing page: from 320 pixels of width up, light and dark. */
export const STYLE = `
:root {
	color-scheme: light dark;
	--ground: #eef2f0;
	--card: #ffffff;
	--text: #14211c;
	--quiet: #55645d;
	--line: #dbe3df;
	--field: #f6f9f7;
	--accent: #0a7355;
	--on-accent: #ffffff;
	--tint: #e3f3ec;
	--alarm: #a32a1f;
	--shadow: 0 1px 2px rgb(16 32 26 / 6%), 0 12px 40px rgb(16 32 26 / 9%);
}
@media (prefers-color-scheme: dark) {
	:root {
		--ground: #0e1412;
		--card: #18201d;
		--text: #e9f0ec;
		--quiet: #9fb0a8;
		--line: #2c3833;
		--field: #111815;
		--accent: #45cf9f;
		--on-accent: #06251a;
		--tint: #14352a;
		--alarm: #ff9d90;
		--shadow: 0 12px 40px rgb(0 0 0 / 35%);
	}
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
	margin: 0;
	min-height: 100vh;
	min-height: 100dvh;
	display: grid;
	grid-template-columns: minmax(0, 27rem);
	align-content: center;
	justify-content: center;
	padding: 1rem;
	background: var(--ground);
	color: var(--text);
	font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
	-webkit-text-size-adjust: 100%;
	overflow-wrap: anywhere;
}
main {
	padding: 1.25rem;
	border-radius: 1.25rem;
	background: var(--card);
	box-shadow: var(--shadow);
}
h1, p, ol, figure { margin: 0; padding: 0; }
h1 { font-size: 1.375rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; text-wrap: balance; }
h1:focus { outline: none; }
b { font-weight: 600; }
.brand { display: flex; align-items: center; gap: 0.625rem; min-height: 2rem; margin-bottom: 1.25rem; }
.brand span { flex: none; display: grid; place-items: center; width: 2rem; height: 2rem; border-radius: 50%; background: var(--tint); color: var(--accent); font-weight: 650; }
.brand p { color: var(--quiet); font-size: 0.9375rem; line-height: 1.3; font-weight: 550; }
.text { margin-top: 0.5rem; color: var(--quiet); }

.steps { margin-top: 1.25rem; display: grid; gap: 0.75rem; list-style: none; counter-reset: step; }
.steps li { display: grid; grid-template-columns: 1.5rem minmax(0, 1fr); gap: 0.625rem; counter-increment: step; }
.steps li::before { content: counter(step); display: grid; place-items: center; width: 1.5rem; height: 1.5rem; border-radius: 50%; background: var(--tint); color: var(--accent); font-size: 0.8125rem; font-weight: 650; }

/* The tile stays white in the dark: a QR code needs a light and quiet zone around it. */
.qr { width: 100%; max-width: 19rem; margin: 1.25rem auto 0; }
.tile { position: relative; display: grid; place-items: center; aspect-ratio: 1; padding: 0.25rem; border: 1px solid var(--line); border-radius: 1rem; background: #ffffff; overflow: hidden; }
.tile.empty { background: var(--field); }
.tile.empty .spinner { color: var(--accent); }
.tile img { max-width: 100%; transition: opacity 0.3s; }
.tile.old img { opacity: 0.08; }
.tile .spinner { position: absolute; color: #0a7355; }
.bar { display: block; height: 0.1875rem; margin-top: 0.75rem; border-radius: 1rem; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; border-radius: inherit; background: var(--accent); transform-origin: left; transition: transform 1s linear; }
.left { margin-top: 0.375rem; color: var(--quiet); font-size: 0.875rem; text-align: center; font-variant-numeric: tabular-nums; }

form { margin-top: 1.25rem; display: grid; gap: 0.375rem; }
label { font-weight: 600; }
input { width: 100%; min-height: 3rem; padding: 0.5rem 0.875rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--field); color: inherit; font: inherit; font-size: 1.125rem; letter-spacing: 0.01em; }
input[aria-invalid="true"] { border-color: var(--alarm); }
.hint { color: var(--quiet); font-size: 0.875rem; }
.error { color: var(--alarm); font-size: 0.9375rem; }
.error:empty { display: none; }

button { min-height: 3rem; padding: 0.5rem 1.25rem; border: 0; border-radius: 0.75rem; font: inherit; font-weight: 600; cursor: pointer; touch-action: manipulation; }
.main { width: 100%; margin-top: 0.75rem; background: var(--accent); color: var(--on-accent); }
.main:hover { filter: brightness(1.07); }
.main[aria-disabled="true"] { opacity: 0.65; cursor: progress; }
.other { display: block; width: 100%; margin-top: 0.75rem; padding-inline: 0.25rem; background: none; color: var(--accent); }
.other:hover { background: var(--tint); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

.code { display: flex; align-items: center; justify-content: center; gap: 0.25rem; margin-top: 1.25rem; }
.code span { flex: 1 1 0; max-width: 2.375rem; padding: 0.5rem 0; border: 1px solid var(--line); border-radius: 0.625rem; background: var(--field); font: 650 1.375rem/1.3 ui-monospace, "SF Mono", Menlo, Consolas, monospace; text-align: center; }
.code i { flex: none; width: 0.75rem; text-align: center; color: var(--quiet); font-style: normal; }

.message { display: grid; justify-items: center; padding: 1.25rem 0 0.5rem; text-align: center; }
.message .icon { width: 4.5rem; height: 4.5rem; margin-bottom: 1.25rem; color: var(--quiet); }
.message[data-icon="tick"] .icon { color: var(--accent); animation: pop 0.45s cubic-bezier(0.2, 1.4, 0.4, 1); }
.message[data-icon="alarm"] .icon { color: var(--alarm); }
.message[data-icon="spinner"] .icon { color: var(--accent); }
.message .text { text-wrap: balance; }
.message .main { margin-top: 1.5rem; }
.icon { fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.spinner { width: 2.5rem; height: 2.5rem; animation: turn 1s linear infinite; }
.message[data-icon="spinner"] .icon { animation: turn 1s linear infinite; }

.notice { margin-top: 1rem; padding: 0.625rem 0.875rem; border-radius: 0.75rem; background: var(--tint); font-size: 0.9375rem; }
.notice:empty { display: none; }
footer { margin: 1rem 1.25rem 0; color: var(--quiet); font-size: 0.8125rem; text-align: center; text-wrap: balance; }
footer p + p { margin-top: 0.25rem; }
.whole { white-space: nowrap; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (min-width: 52rem) {
	body:has([data-screen="scan"]:not([hidden])) { grid-template-columns: minmax(0, 48rem); }
	main { padding: 2rem; }
	h1 { font-size: 1.625rem; }
	[data-screen="scan"] { display: grid; grid-template-columns: minmax(0, 1fr) 19rem; grid-template-rows: auto auto 1fr; column-gap: 2.5rem; }
	[data-screen="scan"] .qr { grid-column: 2; grid-row: 1 / 4; margin: 0; }
	[data-screen="scan"] .other { width: auto; justify-self: start; align-self: end; margin: 1.25rem 0 0 -0.75rem; padding-inline: 0.75rem; }
}
@media (max-width: 22rem) {
	body { padding: 0.5rem; }
	main { padding: 1rem; }
	.code { gap: 0.125rem; }
}
@keyframes turn { to { transform: rotate(1turn); } }
@keyframes pop { from { transform: scale(0.5); opacity: 0; } }
@media (prefers-reduced-motion: reduce) {
	*, *::before, *::after { animation-duration: 3s !important; transition: none !important; }
	.message[data-icon="tick"] .icon { animation: none; }
}
@media (forced-colors: active) {
	.tile { forced-color-adjust: none; }
}
`;

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const SAME_REQUEST_MS = 500;

/** A command that ended with anything but 0. Carries what it printed, for whoever reports it. */
export class CommandError extends Error {
	constructor(command, outcome, output) {
		super(`${command} ${outcome}`);
		this.name = 'CommandError';
		this.output = output;
	}
}

/**
 * Runs a command out of sight and answers with what it printed. A reader sees that output only
 * when something went wrong, which is when it is worth reading.
 */
export async function runQuietly(command, args, options = {}) {
	let output = '';
	const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (text) => (output += text));
	}
	const { code, reason } = await ended(child);
	if (code !== 0) throw new CommandError([command, ...args].join(' '), reason, output);
	return output;
}

/**
 * Runs a command in plain sight and answers with its exit code. Whoever asks this process to
 * stop means the command: the request is passed on, and its end awaited.
 */
export async function runVisibly(command, args, options = {}) {
	const child = spawn(command, args, { ...options, stdio: 'inherit' });
	const release = passSignalsOn(child);
	const { code } = await ended(child);
	release();
	return code;
}

/**
 * One Ctrl-C may arrive several times, as npm passes on what the terminal has already sent to
 * everyone. A program that stops cleanly when asked, and at once when asked again, is told once.
 */
function passSignalsOn(child) {
	let toldAt = -Infinity;
	const pass = (signal) => {
		if (performance.now() - toldAt < SAME_REQUEST_MS) return;
		toldAt = performance.now();
		// To close the terminal is to ask for an end like any other.
		child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
	};
	for (const signal of STOP_SIGNALS) process.on(signal, pass);
	return () => {
		for (const signal of STOP_SIGNALS) process.off(signal, pass);
	};
}

/** How a process ended. By a signal, the code is what a shell would say: 128 and up. */
export function ended(child) {
	return new Promise((resolve) => {
		child.once('error', (error) =>
			resolve({ code: 127, reason: `did not start: ${error.message}` }),
		);
		child.once('close', (code, signal) => {
			if (signal === null) resolve({ code, reason: `ended with code ${code}` });
			else resolve({ code: 128 + constants.signals[signal], reason: `was ended by ${signal}` });
		});
	});
}

#!/usr/bin/env node
/** Reads the settings, starts the engine, stops it on a signal. The only file that exits. */
import { startEngine, StartFault } from './compose.ts';
import { ConfigFault, readConfig, widenThreadPool } from './config.ts';
import { parseAllowList } from './net/allow-list.ts';
import { DataDirFault } from './storage/data-dir.ts';
import { StorageError } from './storage/storage-error.ts';

/** A stop that takes longer than this has met something that hangs. */
const LONGEST_STOP_MS = 25_000;

widenThreadPool();

// Baileys leaves promises behind when a connection ends under them. One of them must not take the
// sessions of everybody else along.
process.on('unhandledRejection', (error) => {
	process.stderr.write(`whatisup-engine: a promise was left alone: ${String(error)}\n`);
});

try {
	const engine = await startEngine(readConfig((text) => parseAllowList(text).faults));
	for (const { mode, key } of engine.newKeys) {
		say(`Your ${mode} API key, shown only this once: ${key}`);
	}
	say(`WhatIsUp is ready at ${engine.url}`);
	let stopping = false;
	const onSignal = () => {
		if (stopping) return;
		stopping = true;
		setTimeout(() => process.exit(1), LONGEST_STOP_MS).unref();
		engine.stop().then(
			() => process.exit(0),
			(error: unknown) => fail([`The engine did not stop cleanly: ${String(error)}`]),
		);
	};
	process.on('SIGTERM', onSignal);
	process.on('SIGINT', onSignal);
} catch (error) {
	fail(explain(error));
}

/** One line for each thing to mend. */
function explain(error: unknown): readonly string[] {
	if (error instanceof ConfigFault) return error.faults;
	if (
		error instanceof StartFault ||
		error instanceof DataDirFault ||
		error instanceof StorageError
	) {
		return [`${error.message} ${error.hint}`];
	}
	return [`The engine could not start: ${String(error)}`];
}

function say(line: string): void {
	process.stdout.write(`${line}\n`);
}

function fail(lines: readonly string[]): never {
	for (const line of lines) process.stderr.write(`whatisup-engine: ${line}\n`);
	process.exit(1);
}

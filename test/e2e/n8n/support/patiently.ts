import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../support/system.ts';

const PAUSE_MS = 100;

/** Waits for something to become true in n8n, where looking costs more than a glance. */
export function patiently<T>(
	what: string,
	probe: () => Promise<T>,
	withinMs = 30_000,
): Promise<NonNullable<T>> {
	const probeAndRest = async () => (await probe()) || (await sleep(PAUSE_MS, undefined));
	return eventually(probeAndRest, { withinMs, what }) as Promise<NonNullable<T>>;
}

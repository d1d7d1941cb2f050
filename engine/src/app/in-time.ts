import type { Clock } from './ports.ts';

/** What `work` comes to; `undefined` when it takes longer than `ms`, and goes on unheard. */
export async function inTime<Result>(
	clock: Clock,
	ms: number,
	work: () => Promise<Result>,
): Promise<Result | undefined> {
	let cancel: (() => void) | undefined;
	const timeout = new Promise<undefined>((giveUp) => {
		cancel = clock.after(ms, () => giveUp(undefined));
	});
	try {
		return await Promise.race([work(), timeout]);
	} finally {
		cancel?.();
	}
}

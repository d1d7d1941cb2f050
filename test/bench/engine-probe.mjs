/** Loaded before the engine: on SIGUSR2 it prints what the process keeps alive, as one line. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

process.on('SIGUSR2', () => {
	collectGarbage();
	const resources = process.getActiveResourcesInfo();
	const figures = {
		timers: resources.filter((name) => name === 'Timeout').length,
		handles: resources.filter((name) => name !== 'Timeout').length,
		heapBytes: process.memoryUsage().heapUsed,
	};
	process.stdout.write(`probe ${JSON.stringify(figures)}\n`);
});

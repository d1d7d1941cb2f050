import { setTimeout as sleep } from 'node:timers/promises';
import { SimulatedNetwork } from '../../../engine/src/sandbox/simulated-network.ts';

/** Run as a process: a contact writes without end, and each accepted text is reported. */
const [file = '', to = '', from = ''] = process.argv.slice(2);
const network = new SimulatedNetwork({ file });
await network.start();
for (let i = 0; process.connected; i++) {
	const text = `text ${i}`;
	await network.sendText({ from, to, text });
	process.send?.(text);
	await sleep(1);
}

/** Run as a process: the simulated network, operated by its parent. Ends with its channel. */
import { quietLibsignal } from '../../engine/src/drivers/baileys/quiet-libsignal.ts';
import { SimulatedNetwork } from '../../engine/src/sandbox/simulated-network.ts';

interface Call {
	readonly id: number;
	readonly method: string;
	readonly args: readonly unknown[];
}

quietLibsignal();
const network = new SimulatedNetwork({ receiptDelayMs: Number(process.argv[2]) });
await network.start();

for (const event of ['login', 'message'] as const) {
	network.on(event, (data: unknown) => process.send?.({ event, data }));
}

process.on('message', ({ id, method, args }: Call) => {
	answer(method, args).then(
		(value) => process.send?.({ id, value }),
		(error: unknown) => process.send?.({ id, error: String(error) }),
	);
});
process.on('disconnect', () => void network.stop().then(() => process.exit(0)));

async function answer(method: string, args: readonly unknown[]): Promise<unknown> {
	if (method === 'trouble') {
		return [
			...network.unhandled.map(
				({ node }) => `unhandled: ${node.tag} ${JSON.stringify(node.attrs)}`,
			),
			...network.broken.map(({ reason }) => `broken: ${String(reason)}`),
		];
	}
	const member: unknown = network[method as keyof SimulatedNetwork];
	return typeof member === 'function' ? member.apply(network, args) : member;
}

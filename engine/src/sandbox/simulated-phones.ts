import type { FaultKind, SimulatedArrival, SimulatedPhones, SimulatedText } from '../app/ports.ts';
import { EngineError } from '../domain/errors.ts';
import type { InstanceId } from '../domain/ids.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { SimulationError } from './simulation-error.ts';

/** The simulated network as the use cases see it: an instance's id is its device's label there. */
export class NetworkPhones implements SimulatedPhones {
	readonly #network: SimulatedNetwork;

	constructor(network: SimulatedNetwork) {
		this.#network = network;
	}

	socketUrl(instanceId: InstanceId): string {
		return this.#network.urlFor(instanceId);
	}

	scan(
		code: string,
		options: { readonly phoneNumber?: string | undefined; readonly pushName?: string | undefined },
	): Promise<{ readonly phoneNumber: string }> {
		return refusing(() => this.#network.scanQr(code, options));
	}

	enterCode(entry: {
		readonly phoneNumber: string;
		readonly code: string;
		readonly pushName?: string | undefined;
	}): Promise<{ readonly phoneNumber: string }> {
		return refusing(() => this.#network.enterPairingCode(entry));
	}

	async write(
		instanceId: InstanceId,
		{ as = 'direct', ...message }: SimulatedText,
	): Promise<{ readonly waId: string }> {
		const text = { ...message, to: instanceId };
		const { messageId } = await refusing(() => {
			switch (as) {
				case 'direct':
					return this.#network.sendText(text);
				case 'status':
					return this.#network.postStatus(text);
				case 'newsletter':
					return this.#network.postToNewsletter(text);
			}
		});
		return { waId: messageId };
	}

	async outbox(instanceId: InstanceId): Promise<readonly SimulatedArrival[]> {
		const arrivals = await refusing(async () => this.#network.outbox(instanceId));
		return arrivals.map(({ messageId, to, text, receivedAt }) => ({
			waId: messageId,
			to,
			text,
			receivedAt,
		}));
	}

	fault(instanceId: InstanceId, kind: FaultKind): Promise<void> {
		return refusing(async () => this.#network.fault(instanceId, kind));
	}
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!(error instanceof SimulationError)) throw error;
		throw new EngineError(
			'sandbox_refused',
			{ reason: error.code },
			{ cause: error, hint: error.message },
		);
	}
}

import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type {
	DeviceState,
	FaultKind,
	PairedDevice,
	ReceivedMessage,
} from '../../engine/src/sandbox/simulated-network.ts';

const MAIN = new URL('./network-main.ts', import.meta.url).pathname;

interface Answer {
	readonly id: number;
	readonly value?: unknown;
	readonly error?: string;
}

interface Waiting {
	readonly resolve: (value: unknown) => void;
	readonly reject: (error: Error) => void;
}

interface NetworkProcessEvents {
	login: [PairedDevice];
	/** A contact has received and decrypted a text. */
	message: [{ receiver: string; messageId: string; text: string }];
}

/**
 * The simulated network in a process of its own, so that what is measured of a client process is
 * the client's alone. The two still share the machine, as everything on it does.
 */
export class NetworkProcess extends EventEmitter<NetworkProcessEvents> {
	readonly #child: ChildProcess;
	readonly #waiting = new Map<number, Waiting>();
	#calls = 0;
	#url = '';

	private constructor(receiptDelayMs: number) {
		super();
		this.#child = fork(MAIN, [String(receiptDelayMs)], { serialization: 'advanced' });
		this.#child.on('message', (message: Answer | { event: string; data: unknown }) => {
			if ('event' in message) this.emit(message.event as 'login', message.data as PairedDevice);
			else this.#settle(message);
		});
		this.#child.on('exit', () => {
			for (const { reject } of this.#waiting.values()) reject(new Error('the network is gone'));
		});
	}

	static async start({ receiptDelayMs = 250 } = {}): Promise<NetworkProcess> {
		const network = new NetworkProcess(receiptDelayMs);
		network.#url = await network.#call<string>('url');
		return network;
	}

	get pid(): number {
		return this.#child.pid!;
	}

	get url(): string {
		return this.#url;
	}

	urlFor(device: string): string {
		return `${this.#url}?device=${encodeURIComponent(device)}`;
	}

	scanQr(code: string): Promise<PairedDevice> {
		return this.#call('scanQr', code);
	}

	sendText(options: { from: string; to: string; text: string }): Promise<{ messageId: string }> {
		return this.#call('sendText', options);
	}

	outbox(device: string): Promise<readonly ReceivedMessage[]> {
		return this.#call('outbox', device);
	}

	fault(device: string, kind: FaultKind, options: { upgrades?: number } = {}): Promise<void> {
		return this.#call('fault', device, kind, options);
	}

	heal(device: string): Promise<void> {
		return this.#call('heal', device);
	}

	devices(): Promise<DeviceState[]> {
		return this.#call('devices');
	}

	/** Stanzas that it did not know and connections that it closed for what they said. */
	trouble(): Promise<readonly string[]> {
		return this.#call('trouble');
	}

	async stop(): Promise<void> {
		if (this.#child.exitCode !== null) return;
		const exited = once(this.#child, 'exit');
		this.#child.disconnect();
		await exited;
	}

	#call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
		const id = this.#calls++;
		return new Promise<unknown>((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#child.send({ id, method, args });
		}) as Promise<T>;
	}

	#settle({ id, value, error }: Answer): void {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (error === undefined) waiting?.resolve(value);
		else waiting?.reject(new Error(error));
	}
}

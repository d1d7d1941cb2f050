import { EngineError } from '../domain/errors.ts';
import type { InstanceId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { FaultKind, SimulatedArrival, SimulatedPhones, SimulatedText } from './ports.ts';
import type { Instances } from './instances.ts';

/** The simulated network in a caller's hands: test keys only, and only their own instances. */
export class TestPhones {
	readonly #phones: SimulatedPhones;
	readonly #instances: Instances;

	constructor(phones: SimulatedPhones, instances: Instances) {
		this.#phones = phones;
		this.#instances = instances;
	}

	/** A phone scans the QR code that the instance shows, which starts it where need be. */
	async scan(
		scope: Scope,
		id: InstanceId,
		options: { readonly phoneNumber?: string | undefined; readonly pushName?: string | undefined },
	): Promise<{ readonly phoneNumber: string }> {
		refuseLive(scope);
		const { code } = await this.#instances.qr(scope, id);
		return this.#phones.scan(code, options);
	}

	/** A phone's owner types in the pairing code that the instance shows. */
	async enterCode(
		scope: Scope,
		id: InstanceId,
		entry: {
			readonly phoneNumber: string;
			readonly code: string;
			readonly pushName?: string | undefined;
		},
	): Promise<{ readonly phoneNumber: string }> {
		await this.#own(scope, id);
		return this.#phones.enterCode(entry);
	}

	async write(
		scope: Scope,
		id: InstanceId,
		message: SimulatedText,
	): Promise<{ readonly waId: string }> {
		await this.#own(scope, id);
		return this.#phones.write(id, message);
	}

	async outbox(scope: Scope, id: InstanceId): Promise<readonly SimulatedArrival[]> {
		await this.#own(scope, id);
		return this.#phones.outbox(id);
	}

	async fault(scope: Scope, id: InstanceId, kind: FaultKind): Promise<void> {
		await this.#own(scope, id);
		await this.#phones.fault(id, kind);
	}

	async #own(scope: Scope, id: InstanceId): Promise<void> {
		refuseLive(scope);
		await this.#instances.get(scope, id);
	}
}

function refuseLive(scope: Scope): void {
	if (scope.mode !== 'test') throw new EngineError('test_key_required');
}

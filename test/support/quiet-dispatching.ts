import type { Circuit, Dispatching } from '../../engine/src/app/ports.ts';
import type { EndpointId } from '../../engine/src/domain/ids.ts';

/** Sends nothing, and remembers what it was told. */
export class QuietDispatching implements Dispatching {
	readonly woken: EndpointId[] = [];
	readonly resets: EndpointId[] = [];
	/** What every endpoint's circuit is like; a test may change it. */
	state: Circuit = { state: 'closed', consecutiveFailures: 0, nextProbeAt: null };

	wake(endpoints: Iterable<EndpointId>): void {
		this.woken.push(...endpoints);
	}

	circuit(): Circuit {
		return this.state;
	}

	reset(id: EndpointId): void {
		this.resets.push(id);
	}
}

import type { NewEvent } from '../domain/events.ts';
import type { InstanceId } from '../domain/ids.ts';
import {
	advance,
	type InstanceInput,
	type InstanceStep,
	type InstanceWork,
} from '../domain/instance.ts';
import { attentionAfter, transitionEvents } from './instance-events.ts';
import type {
	Account,
	Appended,
	Clock,
	IdSource,
	Instance,
	InstanceChange,
	Storage,
} from './ports.ts';

/** What comes with an input and belongs into the same commit. */
export interface Attached {
	readonly change?: InstanceChange;
	readonly events?: readonly NewEvent[];
	/** The account that the session is opened with. */
	readonly account?: Account;
	/** When it happened, if not now: the history and the status date from then. */
	readonly happenedAt?: number;
	/** `noun.verb`, when the input is somebody's act. */
	readonly audit?: { readonly action: string; readonly details?: Record<string, unknown> };
}

export interface RecordedStep extends InstanceStep {
	readonly before: Instance;
	readonly after: Instance;
	/** The endpoints that have something to receive because of it. */
	readonly appended: Appended;
}

/**
 * Puts one input through the state machine, in one commit: the state, its row in the history, the
 * events that tell of it, the alerts that follow from it and the audit row of the act.
 */
export class StepRecorder {
	readonly #storage: Storage;
	readonly #ids: IdSource;
	readonly #clock: Clock;

	constructor({ storage, ids, clock }: { storage: Storage; ids: IdSource; clock: Clock }) {
		this.#storage = storage;
		this.#ids = ids;
		this.#clock = clock;
	}

	/** Answers `undefined` when the instance is gone. */
	record(
		id: InstanceId,
		input: InstanceInput,
		attached: Attached = {},
	): Promise<RecordedStep | undefined> {
		const at = this.#clock.now();
		return this.#storage.transaction(async (stores) => {
			const before = await stores.instances.findAny(id);
			if (!before) return undefined;
			const { status, work } = advance(before.status, input);
			const isNew = status.state !== before.status.state;
			const since = Math.max(attached.happenedAt ?? at, before.statusSince);
			const closeCode = input.type === 'closed' ? input.code : null;
			const attention = attentionAfter(before.status, status, at);
			const after = await stores.instances.change(
				id,
				{
					...attached.change,
					status,
					...(work.some(wipesKeys) ? { account: null } : {}),
					...(isNew ? { statusSince: since } : {}),
					...(attention
						? { attentionLevel: attention.level, attentionDueAt: attention.dueAt }
						: {}),
				},
				at,
			);
			if (!after) return undefined;
			if (isNew) {
				await stores.transitions.add({
					id: this.#ids.next('trn'),
					instanceId: id,
					from: before.status.state,
					to: status.state,
					reason: status.reason,
					closeCode,
					at: since,
				});
			}
			if (attached.audit) {
				const { action, details = {} } = attached.audit;
				await stores.audit.add({
					id: this.#ids.next('aud'),
					customerId: before.customerId,
					instanceId: id,
					action,
					details,
					at,
					correlationId: null,
				});
			}
			const account = attached.account ?? before.account;
			const events = [
				...(attached.events ?? []),
				...transitionEvents(before, status, { at, closeCode, account }),
			];
			const appended = await stores.events.append(id, events, at);
			return { status, work, before, after, appended };
		});
	}
}

/** Without its keys an instance is linked to no account. */
function wipesKeys({ type }: InstanceWork): boolean {
	return type === 'forget_keys' || type === 'unlink';
}

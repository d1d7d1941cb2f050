import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { DeliveryStatus } from '../../engine/src/app/ports.ts';
import {
	BLOCKING_ATTEMPTS,
	MAX_ATTEMPTS,
	nextAttemptAt,
} from '../../engine/src/domain/retry-schedule.ts';
import { verifyContract } from '../../engine/src/domain/signature.ts';
import type { BookedDelivery, Books } from '../support/chaos-books.ts';
import type { Arrival } from '../support/chaos-receivers.ts';
import { ChaosRun, MANNERS, type Manner } from '../support/chaos-run.ts';
import { DIALECTS } from '../support/databases.ts';

/** The same number makes the same decisions; it does not make the same timing. */
const SEED = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));

const RUN_MS = 300_000;

/** How long a delivery waits for one before it that an engine, killed since, seemed to be sending. */
const LOOK_AGAIN_MS = 1_000;

const RIGHT_STATUSES: Readonly<Record<Manner, readonly DeliveryStatus[]>> = {
	fast: ['success'],
	slow: ['success'],
	flapping: ['success', 'pending', 'retrying'],
	hanging: ['pending', 'retrying'],
	refusing: ['pending', 'retrying'],
};

const LISTENING = ['fast', 'slow', 'flapping', 'hanging'] as const;

describe.each(DIALECTS)(`An engine on %s, killed three times (CHAOS_SEED=${SEED})`, (dialect) => {
	const run = new ChaosRun(dialect, SEED);
	let books: Books;
	let stoppedAt: number;

	beforeAll(async () => {
		await run.start();
		await run.messagesAndKills();
		await run.settle();
		books = await run.close();
		stoppedAt = Date.now();
	}, RUN_MS);

	afterAll(() => run.dispose());

	it('was killed three times, and stopped when it was asked to', () => {
		const killed = { code: null, signal: 'SIGKILL' };

		expect(run.ends).toEqual([killed, killed, killed, { code: 0, signal: null }]);
	});

	it('makes one event of each message', () => {
		const messages = books.events.filter(({ event }) => event === 'message.received');

		expect(messages.map(({ body }) => textOf(body)).sort()).toEqual(
			run.sent.map(({ text }) => text).sort(),
		);
	});

	it('brings every event to the fast receiver', () => {
		const arrived = new Set(run.receivers.fast.arrivals.map(({ eventId }) => eventId));

		expect(books.events.filter(({ id }) => !arrived.has(id))).toEqual([]);
	});

	it.each(LISTENING)('sends the %s receiver only what it has stored, byte for byte', (manner) => {
		const bodies = new Map(books.events.map(({ id, body }) => [id, body]));
		const deliveries = new Map(deliveriesTo(manner).map(({ id, eventId }) => [id, eventId]));

		const unknown = run.receivers[manner].arrivals.filter(
			({ eventId, deliveryId, body }) =>
				bodies.get(eventId) !== body || deliveries.get(deliveryId) !== eventId,
		);

		expect(unknown).toEqual([]);
	});

	it.each(LISTENING)('signs all that it sends to the %s receiver', (manner) => {
		const { secret } = run.endpoints.get(manner)!;
		const { arrivals } = run.receivers[manner];

		expect(arrivals.length).toBeGreaterThan(0);
		expect(arrivals.filter((arrival) => !isSigned(arrival, secret))).toEqual([]);
	});

	it.each(LISTENING)('keeps the order of each chat at the %s receiver', (manner) => {
		const { arrivals } = run.receivers[manner];

		expect(outOfSequence(arrivals)).toEqual([]);
		expect(outOfTurn(arrivals)).toEqual([]);
	});

	it('numbers the events of each chat as they were written', () => {
		const numbers = new Map(
			books.events
				.filter(({ event }) => event === 'message.received')
				.map(({ body }) => [textOf(body), placeOf(body).sequence]),
		);
		const chats = Map.groupBy(run.sent, ({ chat }) => chat);

		for (const messages of chats.values()) {
			const sequence = messages.map(({ text }) => numbers.get(text)!);
			expect(sequence).toEqual(sequence.toSorted((a, b) => a - b));
		}
	});

	it.each(MANNERS)('has one delivery of each event to the %s receiver', (manner) => {
		const delivered = deliveriesTo(manner).map(({ eventId }) => eventId);

		expect(delivered.sort()).toEqual(books.events.map(({ id }) => id).sort());
	});

	it.each(MANNERS)('leaves each delivery to the %s receiver in the right status', (manner) => {
		const wrong = deliveriesTo(manner).filter(
			({ status, attemptCount }) =>
				!RIGHT_STATUSES[manner].includes(status) &&
				!(status === 'failed' && attemptCount >= MAX_ATTEMPTS && !isSound(manner)),
		);

		expect(wrong).toEqual([]);
	});

	it.each(MANNERS)('leaves no delivery to the %s receiver leased or parked', (manner) => {
		const lanes = Map.groupBy(deliveriesTo(manner), ({ lane }) => lane);

		const late = [...lanes.values()].flatMap((lane) => {
			const latest = stoppedAt + longestWaitOf(lane);
			return lane.filter(({ status, dueAt }) =>
				isSettled(status) ? dueAt !== null : dueAt === null || dueAt > latest,
			);
		});

		expect(late).toEqual([]);
	});

	it.each(MANNERS)('keeps a log of the %s receiver that agrees with its deliveries', (manner) => {
		const answers = answersOf(manner);

		const wrong = deliveriesTo(manner).filter(
			(delivery) => !agreesWithItself(delivery) || !agreesWith(answers, delivery),
		);

		expect(wrong).toEqual([]);
	});

	it('tells by the API what it has written down', () => {
		const stored = new Map(books.deliveries.map(({ id, attempts }) => [id, attempts]));

		for (const { deliveryId, attempts } of run.logs) {
			// More may have been added since.
			const then = stored.get(deliveryId)!.slice(0, attempts.length);
			expect(then.map(({ attempt, status }) => ({ attempt, status }))).toEqual(attempts);
		}
	});

	it('says nothing that WhatsApp does not understand', async () => {
		expect(await run.trouble()).toEqual([]);
	});

	function deliveriesTo(manner: Manner): readonly BookedDelivery[] {
		return books.deliveries.filter(({ endpointId }) => endpointId === run.idOf(manner));
	}

	/** The status of each answer, by delivery and attempt. */
	function answersOf(manner: Manner): ReadonlyMap<string, number | undefined> {
		const arrivals = manner === 'refusing' ? [] : run.receivers[manner].arrivals;
		return new Map(
			arrivals.map(({ deliveryId, attempt, status }) => [`${deliveryId} ${attempt}`, status]),
		);
	}
});

interface Envelope {
	readonly instance_id: string;
	readonly sequence: number;
	readonly data: { readonly chat_id?: string; readonly body?: { readonly text?: string } };
}

function textOf(body: string): string | undefined {
	return (JSON.parse(body) as Envelope).data.body?.text;
}

function placeOf(body: string): { readonly lane: string; readonly sequence: number } {
	const { instance_id, sequence, data } = JSON.parse(body) as Envelope;
	return { lane: `${instance_id} ${data.chat_id ?? ''}`, sequence };
}

function isSigned({ headers, body }: Arrival, secret: string): boolean {
	const given = headers as Record<string, string>;
	try {
		new Webhook(secret).verify(body, given);
	} catch {
		return false;
	}
	const nowSeconds = Number(given['webhook-timestamp']);
	const receipt = { secrets: [secret], body: Buffer.from(body), nowSeconds };
	return verifyContract(given['x-whatisup-signature']!, receipt).verified;
}

/** Events that came for the first time after a later one of their chat had come. */
function outOfSequence(arrivals: readonly Arrival[]): string[] {
	const latest = new Map<string, number>();
	return firstOnes(arrivals).flatMap(({ eventId, body }) => {
		const { lane, sequence } = placeOf(body);
		const before = latest.get(lane) ?? 0;
		latest.set(lane, Math.max(before, sequence));
		return sequence > before ? [] : [`${eventId}, ${sequence} after ${before} of ${lane}`];
	});
}

/** Events that came before the one before them was accepted, or had failed often enough. */
function outOfTurn(arrivals: readonly Arrival[]): string[] {
	const passable = new Map<string, number>();
	for (const { eventId, attempt, status, arrivedAt, answeredAt } of arrivals) {
		const isHopeless = attempt >= BLOCKING_ATTEMPTS;
		const at = status === 200 ? answeredAt! : isHopeless ? arrivedAt : Infinity;
		passable.set(eventId, Math.min(at, passable.get(eventId) ?? Infinity));
	}
	const predecessors = new Map<string, string>();
	return firstOnes(arrivals).flatMap(({ eventId, body, arrivedAt }) => {
		const { lane, sequence } = placeOf(body);
		const before = predecessors.get(lane);
		predecessors.set(lane, eventId);
		if (before === undefined || passable.get(before)! < arrivedAt) return [];
		return [`${eventId}, ${sequence} of ${lane}, before ${before} was accepted`];
	});
}

function firstOnes(arrivals: readonly Arrival[]): Arrival[] {
	const seen = new Set<string>();
	return arrivals.filter(({ eventId }) => !seen.has(eventId) && seen.add(eventId));
}

function isSound(manner: Manner): boolean {
	return manner === 'fast' || manner === 'slow';
}

function isSettled(status: DeliveryStatus): boolean {
	return status === 'success' || status === 'failed';
}

/** How far ahead the next attempt of a lane can be: nothing waits but behind one that has failed. */
function longestWaitOf(lane: readonly BookedDelivery[]): number {
	const failures = lane.flatMap(({ attempts }) => attempts.filter(({ error }) => error !== null));
	const waits = failures.map(({ attempt }) => {
		const repeated = Math.min(attempt, MAX_ATTEMPTS - 1);
		return nextAttemptAt({ attempt: repeated, failedAt: 0, random: 1 })!;
	});
	return Math.max(LOOK_AGAIN_MS, ...waits);
}

/** What its last attempt came to is its status. Attempts that a kill cut off are counted only. */
function agreesWithItself(delivery: BookedDelivery): boolean {
	const { status, attempts, attemptCount, lastResponseStatus, deliveredAt } = delivery;
	const numbers = attempts.map(({ attempt }) => attempt);
	const ascends = numbers.every((number, index) => number > (numbers[index - 1] ?? 0));
	const last = attempts.at(-1);
	if (!ascends || (last?.attempt ?? 0) > attemptCount) return false;
	if ((last?.status ?? null) !== lastResponseStatus) return false;
	const succeeded = last?.status === 200 && last.attempt === attemptCount && deliveredAt !== null;
	switch (status) {
		case 'success':
			return succeeded;
		case 'pending':
			return last === undefined && deliveredAt === null;
		case 'retrying':
		case 'failed':
			return last !== undefined && last.error !== null && deliveredAt === null;
	}
}

/** Each answer in the log was given. */
function agreesWith(
	answers: ReadonlyMap<string, number | undefined>,
	{ id, attempts }: BookedDelivery,
): boolean {
	return attempts.every(
		({ attempt, status }) => status === null || status === answers.get(`${id} ${attempt}`),
	);
}

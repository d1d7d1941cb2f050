import {
	afterAll,
	afterEach,
	beforeAll,
	beforeEach,
	describe,
	expect,
	it,
	jest,
} from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { refused } from '../support/contract-answers';
import { ContractServer } from '../support/contract-server';
import type { Surroundings } from '../support/n8n-context';
import { byId, runOperation } from '../support/run-operation';

const engine = new ContractServer();
let id: unknown;

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.overrides.length = 0;
	engine.requests.length = 0;
	({ id } = engine.addInstance({ state: 'qr' }));
	// What waits for the network must go on in real time.
	jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});

afterEach(() => {
	jest.useRealTimers();
});

describe('Wait Until Connected', () => {
	it('goes on at once when the account is connected', async () => {
		connect();

		const { json, seconds } = await wait();

		expect(json).toMatchObject({ connected: true, instance_id: id, state: 'connected' });
		expect(seconds).toBe(0);
	});

	it('goes on within two seconds after the account has been connected', async () => {
		const { json, seconds } = await wait({ maxWait: 60 }, { 7: connect });

		expect(json).toMatchObject({ connected: true });
		expect(seconds).toBe(8);
	});

	it('goes on with "connected" set to false when the time is over', async () => {
		const { json, seconds } = await wait({ maxWait: 5 });

		expect(json).toMatchObject({ connected: false, state: 'qr' });
		expect(seconds).toBe(5);
	});

	it('asks no more often than every two seconds', async () => {
		await wait({ maxWait: 60 });

		expect(engine.requests).toHaveLength(31);
	});

	it('waits two minutes unless told otherwise, and never more than ten', async () => {
		expect(await wait()).toMatchObject({ seconds: 120 });
		expect(await wait({ maxWait: 86_400 })).toMatchObject({ seconds: 600 });
	});

	it.each([
		['qr', 'Nobody scanned the QR code.'],
		['logged_out', 'No phone is linked.'],
		['stopped', 'The account was stopped.'],
		['failed', 'It is failed.'],
	])('fails instead when told to, with what to do for one that is %s', async (state, advice) => {
		Object.assign(engine.instances[0]!, { state });

		await expect(wait({ maxWait: 5, onTimeout: 'fail' })).rejects.toMatchObject({
			message: 'The account was not connected within 5 seconds',
			description: expect.stringContaining(advice),
		});
	});

	it('goes on waiting while the engine is being restarted', async () => {
		const { json } = await wait(
			{ maxWait: 60 },
			{
				1: () =>
					engine.overrides.push(refused(503, 'shutting_down'), refused(500, 'internal_error')),
				9: connect,
			},
		);

		expect(json).toMatchObject({ connected: true });
	});

	it('fails at once when the engine does not know the account', async () => {
		engine.overrides.push(refused(404, 'instance_not_found'));

		await expect(wait()).rejects.toMatchObject({ httpCode: '404' });
	});

	it('fails when the account is deleted meanwhile', async () => {
		const waiting = wait({ maxWait: 60 }, { 3: () => void engine.instances.shift() });

		await expect(waiting).rejects.toMatchObject({ httpCode: '404' });
	});

	it('ends when the run is cancelled', async () => {
		const cancel = new AbortController();

		const waiting = wait({}, { 3: () => cancel.abort() }, { cancelSignal: cancel.signal });

		await expect(waiting).rejects.toMatchObject({ message: 'Waiting was cancelled' });
		expect(engine.requests).toHaveLength(2);
	});
});

function connect(): void {
	Object.assign(engine.instances[0]!, { state: 'connected', status: 'connected' });
}

/** What happens meanwhile, by the second in which it does. */
type Meanwhile = Readonly<Record<number, () => void>>;

/** Runs the operation, with the seconds passing as soon as nothing else is going on. */
async function wait(
	parameters: INodeParameters = {},
	meanwhile: Meanwhile = {},
	more: Partial<Surroundings> = {},
) {
	const began = Date.now();
	const operation = { resource: 'instance', operation: 'waitUntilConnected', ...byId(id) };
	let isOver = false;
	const running = runOperation(engine, { ...operation, ...parameters }, more).finally(() => {
		isOver = true;
	});
	running.catch(() => undefined);
	for (let second = 1; ; second++) {
		await untilQuiet(() => isOver);
		if (isOver) break;
		meanwhile[second]?.();
		await jest.advanceTimersByTimeAsync(1_000);
	}
	const [item] = await running;
	return { json: item?.json, seconds: (Date.now() - began) / 1_000 };
}

/** Until the operation sleeps, and the network has therefore nothing more to do for it. */
async function untilQuiet(isOver: () => boolean): Promise<void> {
	while (!isOver() && jest.getTimerCount() === 0) {
		await new Promise((resolve) => setImmediate(resolve));
	}
}

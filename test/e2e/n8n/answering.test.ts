import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { forge, sign } from './support/forgery.ts';
import { Installation, type LinkedInstance } from './support/installation.ts';
import { itemsOf } from './support/n8n-api.ts';
import { patiently } from './support/patiently.ts';
import type { RecordedCall } from './support/recording-proxy.ts';
import { instance, node } from './support/workflow-json.ts';

const CONTACT = '5511988887777';
const TEN_MINUTES_S = 600;

/**
 * One active workflow throughout, as on a user's server: every test adds to what has run before.
 * That something did not run shows when the next message has: `ran` waits for that one.
 */
describe('an active workflow that answers messages', () => {
	let site: Installation;
	let shop: LinkedInstance;
	let workflowId: string;

	beforeAll(async () => {
		site = await Installation.start();
		shop = await site.linkInstance('shop');
		workflowId = await site.addWorkflow('Answer messages', [
			node('Message', 'trigger'),
			node('Answer', 'action', {
				instance: instance('={{ $json.instance_id }}'),
				to: '={{ $json.from }}',
				message: '=Echo: {{ $json.text }}',
			}),
		]);
		await site.api.activate(workflowId);
		await patiently('the registration', async () => (await endpoints()).length > 0);
	});

	afterAll(() => site?.stop());

	it('is registered with the engine, with a secret of its own', async () => {
		expect(await endpoints()).toEqual([
			expect.objectContaining({
				url: expect.stringMatching(new RegExp(`^${site.proxy.url}webhook/`)),
				events: ['message.received'],
				instance_id: null,
				enabled: true,
				has_custom_signing_secret: true,
			}),
		]);
	});

	it('runs once for a message, and the contact reads the answer', async () => {
		await write('hello');

		expect(await ran('hello')).toEqual(['hello']);
		expect(await answer('Echo: hello')).toMatchObject({ to: CONTACT });
		expect(await ranBy('the next message')).toEqual(['hello', 'the next message']);
	});

	it('runs once for an event that is delivered twice, as after a lost answer', async () => {
		const before = await ranBy('before the loss');
		const earlierCalls = site.proxy.calls.length;
		site.proxy.loseNextAnswer();

		await write('answered, but nobody heard');
		await patiently('the second delivery', async () => site.proxy.calls.length > earlierCalls + 1);

		const [first, second] = site.proxy.calls.slice(earlierCalls);
		expect(second?.body).toEqual(first?.body);
		expect(second?.answer).toMatchObject({ status: 200 });
		expect(await ranBy('after the loss')).toEqual([
			...before,
			'answered, but nobody heard',
			'after the loss',
		]);
	});

	describe.each<[name: string, code: string, makeCall: () => Promise<RecordedCall>]>([
		['that was recorded and is sent again', 'webhook_replayed', async () => recorded()],
		[
			'with another body under a recorded signature',
			'webhook_mismatch',
			async () => forge(recorded(), { body: newEvent(), signature: signatureOf(recorded()) }),
		],
		[
			'signed with a guessed secret',
			'webhook_mismatch',
			async () => signed(newEvent(), 'whsec_guessed', now()),
		],
		['without a signature', 'webhook_missing', async () => forge(recorded(), { body: newEvent() })],
		[
			'correctly signed, ten minutes ago',
			'webhook_expired',
			async () => signed(newEvent(), await secret(), now() - TEN_MINUTES_S),
		],
	])('a call %s', (name, code, makeCall) => {
		it('gets 401 and runs nothing', async () => {
			const before = await ranBy(`before a call ${name}`);

			const { status, body } = await site.proxy.send(await makeCall());

			expect(status).toBe(401);
			expect(JSON.parse(body.toString())).toMatchObject({ error: { code } });
			const fence = `after a call ${name}`;
			expect(await ranBy(fence)).toEqual([...before, fence]);
		});
	});

	it('accepts what is correctly signed now, so it is the forgery that the others fail for', async () => {
		const call = signed(newEvent('signed by the test'), await secret(), now());

		const { status } = await site.proxy.send(call);

		expect(status).toBe(200);
		expect(await ran('signed by the test')).toContain('signed by the test');
	});

	it('goes on after a restart of n8n, and knows the calls from before it', async () => {
		const before = await ranBy('before the restart');
		const call = recorded();

		await site.n8n.stop();
		await site.n8n.start();

		expect(await site.proxy.send(call)).toMatchObject({ status: 401 });
		expect(await ranBy('after the restart')).toEqual([...before, 'after the restart']);
		expect(await answer('Echo: after the restart')).toMatchObject({ to: CONTACT });
	});

	it('is taken off the engine when deactivated, and registered anew when activated', async () => {
		const [first] = await endpoints();
		const call = recorded();

		await site.api.deactivate(workflowId);
		await patiently('the removal', async () => (await endpoints()).length === 0);
		await site.api.activate(workflowId);
		await patiently('the new registration', async () => (await endpoints()).length > 0);

		const [second] = await endpoints();
		expect(second?.id).not.toBe(first?.id);
		expect(await site.proxy.send(call)).toMatchObject({ status: 401 });
		expect(await ranBy('activated again')).toContain('activated again');
	});

	it('leaves no delivery behind that the engine would repeat', async () => {
		const path = '/v1/webhook-deliveries?limit=100';
		const { data } = await site.engine.call<{ data: { status: string }[] }>('GET', path);

		expect(data.filter(({ status }) => status !== 'success')).toEqual([]);
	});

	function write(text: string): Promise<void> {
		return site.write(shop.id, CONTACT, text);
	}

	/** Waits until the workflow has run for a text; answers all that it ran for, oldest first. */
	function ran(text: string): Promise<string[]> {
		return patiently(`the run for "${text}"`, async () => {
			const executions = await site.api.executions(workflowId);
			const texts = executions.map((one) => String(itemsOf(one, 'Message')[0]?.json.text));
			const isOver = executions.every(({ status }) => status === 'success');
			return isOver && texts.includes(text) ? texts.reverse() : undefined;
		});
	}

	/** The same for one more message. */
	async function ranBy(text: string): Promise<string[]> {
		await write(text);
		return ran(text);
	}

	function answer(text: string) {
		return patiently(`the answer "${text}"`, async () =>
			(await site.arrivals(shop.id)).find(({ body }) => body.text === text),
		);
	}

	/** The engine's latest call, which n8n has accepted. */
	function recorded(): RecordedCall {
		return site.proxy.calls.at(-1)!;
	}

	function signed(body: string, key: string, seconds: number): RecordedCall {
		return forge(recorded(), { body, signature: sign(body, key, seconds) });
	}

	/** Like the latest event, with an id that n8n has not seen. */
	function newEvent(text = 'forged'): string {
		const event = JSON.parse(recorded().body.toString());
		event.event_id = `evt_${randomUUID()}`;
		event.data.body.text = text;
		return JSON.stringify(event);
	}

	/** Out of n8n's database, where the trigger keeps it. */
	async function secret(): Promise<string> {
		return String((await site.api.staticData(workflowId, 'Message')).secret);
	}

	async function endpoints(): Promise<Record<string, unknown>[]> {
		const path = '/v1/webhook-endpoints';
		return (await site.engine.call<{ data: Record<string, unknown>[] }>('GET', path)).data;
	}
});

function signatureOf({ rawHeaders }: RecordedCall): string {
	return rawHeaders[rawHeaders.indexOf('x-whatisup-signature') + 1]!;
}

/** Unix seconds. */
function now(): number {
	return Math.floor(Date.now() / 1000);
}

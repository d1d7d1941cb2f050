import { readFileSync, writeFileSync } from 'node:fs';
import { it } from '@jest/globals';
import { Installation } from './support/installation.ts';
import { patiently } from './support/patiently.ts';
import { instance, node } from './support/workflow-json.ts';
it('x', async () => {
	const site = await Installation.start();
	try {
		await site.n8n.stop();
		const f = /saving to: (.*)\/config/.exec(site.n8n.output)![1] + '/nodes/node_modules/n8n-nodes-whatisup/dist/nodes/WhatIsUpTrigger/reception.js';
		const code = readFileSync(f, 'utf8');
		const patched = code.replace(/(arrivals.settle\(eventId, .*\);)/, '$1 staticData.seen = arrivals.kept(eventId);');
		if (patched === code) throw new Error('not patched');
		writeFileSync(f, patched);
		await site.n8n.start();
		const shop = await site.linkInstance('shop');
		const workflowId = await site.addWorkflow('Answer messages', [
			node('Message', 'trigger'),
			node('Answer', 'action', { instance: instance('={{ $json.instance_id }}'), to: '={{ $json.from }}', message: '=Echo: {{ $json.text }}' }),
		]);
		await site.api.activate(workflowId);
		await patiently('x', async () => (await site.engine.call<{data: unknown[]}>('GET', '/v1/webhook-endpoints')).data.length > 0);
		for (const t of ['a', 'b']) {
			await site.write(shop.id, '5511988887777', t);
			await patiently('x', async () => (await site.arrivals(shop.id)).some((a) => a.body.text === 'Echo: ' + t));
		}
		const log = [];
		log.push(await site.api.staticData(workflowId, 'Message'), site.proxy.calls.map((c) => c.body.toString().slice(0, 120)));
		const last = site.proxy.calls.at(-1)!;
		await site.n8n.stop();
		await site.n8n.start();
		log.push(await site.api.staticData(workflowId, 'Message'));
		log.push(String((await site.proxy.send(last)).body));
		log.push(await site.api.staticData(workflowId, 'Message'));
		log.push(String((await site.proxy.send(last)).body));
		console.log(JSON.stringify(log, null, 1));
	} finally { await site.stop(); }
});

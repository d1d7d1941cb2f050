import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
	NodeHelpers,
	type IConnections,
	type INode,
	type INodeParameters,
	type INodeProperties,
	type INodePropertyOptions,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { WhatIsUp } from '../../nodes/WhatIsUp/WhatIsUp.node';
import { WhatIsUpTrigger } from '../../nodes/WhatIsUpTrigger/WhatIsUpTrigger.node';

interface Template {
	readonly name: string;
	readonly nodes: INode[];
	readonly connections: IConnections;
}

const FOLDER = join(__dirname, '../../templates');
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NOTE = 'n8n-nodes-base.stickyNote';

const OURS: Readonly<Record<string, INodeTypeDescription>> = {
	'n8n-nodes-whatisup.whatIsUp': new WhatIsUp().description,
	'n8n-nodes-whatisup.whatIsUpTrigger': new WhatIsUpTrigger().description,
};

/** Of n8n itself: what is used, in versions that n8n has had since 2024. */
const BUILT_IN: Readonly<Record<string, number>> = {
	'n8n-nodes-base.httpRequest': 4.2,
	'n8n-nodes-base.if': 2.2,
	'n8n-nodes-base.manualTrigger': 1,
	'n8n-nodes-base.scheduleTrigger': 1.2,
	'n8n-nodes-base.set': 3.4,
	'n8n-nodes-base.stickyNote': 1,
	'n8n-nodes-base.switch': 3.2,
	'n8n-nodes-base.wait': 1.1,
};

const files = readdirSync(FOLDER);

it('are all there', () => {
	expect(files.sort()).toEqual([
		'auto-heal.json',
		'drain-failed-deliveries.json',
		'escalation.json',
		'failover.json',
		'pairing.json',
	]);
});

describe.each(files)('the template %s', (file) => {
	const text = readFileSync(join(FOLDER, file), 'utf8');
	const template = JSON.parse(text) as Template;
	const { nodes, connections } = template;
	const names = nodes.map(({ name }) => name);
	const ours = nodes.filter(({ type }) => type in OURS);

	it('has a name that tells what it does', () => {
		expect(template.name).toMatch(/^WhatsApp: \w+/);
	});

	it('is made of our nodes and of those that every n8n has', () => {
		for (const { type, typeVersion } of nodes) {
			expect([type, typeVersion]).toEqual([type, type in OURS ? 1 : BUILT_IN[type]]);
		}
		expect(ours).not.toEqual([]);
	});

	it('holds no credentials, and nothing that belongs to one n8n only', () => {
		expect(text).not.toMatch(/"credentials"|"instanceId"|"versionId"|zpk_|whsec_/);
		expect(template).not.toHaveProperty('id');
		expect(template).not.toHaveProperty('active');
	});

	it('gives every node an id, and every one that is called a URL of its own', () => {
		const called = nodes.filter(({ type }) => /Trigger$|\.wait$/.test(type));
		const byCallers = called.filter(({ type }) => !/\.(manual|schedule)Trigger$/.test(type));
		const ids = [...nodes.map(({ id }) => id), ...byCallers.map(({ webhookId }) => webhookId)];

		expect(ids.filter((id) => !UUID.test(id ?? ''))).toEqual([]);
		expect(new Set(ids).size).toBe(ids.length);
	});

	it('names its nodes in plain words, each once', () => {
		expect(new Set(names).size).toBe(names.length);
		expect(names.filter((name) => !/^[A-Z][^_{}]+$/.test(name))).toEqual([]);
	});

	it('connects nodes that it has, and leaves none alone', () => {
		const targets = Object.values(connections).flatMap(({ main = [] }) =>
			main.flatMap((output) => (output ?? []).map(({ node }) => node)),
		);
		const sources = Object.keys(connections);
		const connected = nodes.filter(({ type }) => type !== NOTE).map(({ name }) => name);

		expect(connected.filter((name) => ![...targets, ...sources].includes(name))).toEqual([]);
		expect([...targets, ...sources].filter((name) => !connected.includes(name))).toEqual([]);
	});

	it('refers in expressions to nodes that it has', () => {
		const referred = [...text.matchAll(/\$\('([^']+)'\)/g)].map(([, name]) => name);

		expect(referred.filter((name) => !names.includes(name!))).toEqual([]);
	});

	it.each(ours.map((node) => [node.name, node] as const))(
		'sets in "%s" what the node knows, and all that it needs',
		(_, node) => {
			const description = OURS[node.type]!;
			const parameters = completed(node, description);
			const shown = description.properties.filter((field) =>
				NodeHelpers.displayParameter(parameters, field, node, description),
			);

			expect(unknownIn(node.parameters, shown)).toEqual([]);
			expect(
				NodeHelpers.getNodeParametersIssues(shown, { ...node, parameters }, description),
			).toBeNull();
		},
	);

	it('asks for a place of the user wherever it would send something', () => {
		const urls = nodes.flatMap(({ parameters }) => parameters.url ?? []);

		expect(urls.filter((url) => !String(url).startsWith('https://example.com/'))).toEqual([]);
	});

	it('explains itself, and what to put in the place of the examples', () => {
		const notes = nodes
			.filter(({ type }) => type === NOTE)
			.map(({ parameters }) => String(parameters.content));

		expect(notes[0]).toMatch(/^## /);
		expect(notes.filter((note) => sentencesIn(note) < 2)).toEqual([]);
		expect(notes.join('\n')).toMatch(/e-mail/);
		expect(notes.join('\n')).not.toMatch(/\b(jid|lid|payload|endpoint)\b/i);
	});
});

/** With the defaults filled in, as n8n does when it loads a workflow. */
function completed(node: INode, description: INodeTypeDescription): INodeParameters {
	const { properties } = description;
	return (
		NodeHelpers.getNodeParameters(properties, node.parameters, true, false, node, description) ?? {}
	);
}

/** Every parameter, however deep, that is of no field, and every choice that no field offers. */
function unknownIn(given: INodeParameters, fields: readonly INodeProperties[]): string[] {
	return Object.entries(given).flatMap(([name, value]) => {
		const field = fields.find((candidate) => candidate.name === name);
		if (field === undefined) return [name];
		const options = field.options ?? [];
		if (field.type === 'collection') {
			return unknownIn(value as INodeParameters, options as INodeProperties[]);
		}
		if (field.type !== 'options' && field.type !== 'multiOptions') return [];
		const offered = (options as INodePropertyOptions[]).map((option) => option.value);
		return [value]
			.flat()
			.filter((chosen) => !offered.includes(chosen as string))
			.map((chosen) => `${name}: ${String(chosen)}`);
	});
}

function sentencesIn(note: string): number {
	return note.split(/[.?!](?:\s|$)/).filter((part) => part.trim() !== '').length;
}

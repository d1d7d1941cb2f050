import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
	createRunExecutionData,
	executeFilter,
	Workflow,
	type FilterValue,
	type IConnections,
	type IDataObject,
	type INode,
	type INodeExecutionData,
	type INodeParameters,
	type INodeTypes,
	type ITaskData,
	type NodeParameterValueType,
} from 'n8n-workflow';

const FILE = join(__dirname, '../../templates/drain-failed-deliveries.json');
const { nodes, connections } = JSON.parse(readFileSync(FILE, 'utf8')) as {
	nodes: INode[];
	connections: IConnections;
};

const WAIT_SECONDS = 5;
const PATIENCE_SECONDS = 600;
const URL = 'https://example.com/events';
const BUSY = { error: 'A replay is running', message: 'Wait until it has ended.' };

/** What a node put out, and through which of its outputs. */
interface Step {
	readonly node: string;
	readonly json: IDataObject;
	readonly output?: number;
}

const counted: readonly Step[] = [
	{ node: 'Get all webhook endpoints', json: { id: 'wh_1', url: URL } },
	{ node: 'Count what failed', json: { dry_run: true, total: 3 } },
];

describe('draining failed deliveries', () => {
	it.each(['Count what failed', 'Does it answer?', 'Send it again'])(
		'goes on with the other receivers when "%s" fails for one, and tells why',
		(name) => {
			const node = nodeCalled(name);
			const [, failed] = connections[name]?.main ?? [];

			expect(node.onError).toBe('continueErrorOutput');
			expect(failed).toEqual([{ node: 'What stopped it', type: 'main', index: 0 }]);
			expect(targetsOf('What stopped it')).toEqual(['What is wrong?']);
			expect(targetsOf('What is wrong?')).toEqual(['Tell what is wrong']);
		},
	);

	it('tells why nothing was sent to a receiver that is being sent to already', async () => {
		const sent = [...counted, { node: 'Send it again', json: BUSY, output: 1 }];

		const text = await toldAfter(sent, { summary: 'Nothing is wrong.' });

		expect(text).toBe(
			`Failed deliveries to ${URL}: 3. This run sent none of them. A replay is running Wait until it has ended.\nNothing is wrong.`,
		);
	});

	it('tells of a receiver whose failures could not be counted', async () => {
		const [listed] = counted;
		const sent = [listed!, { node: 'Count what failed', json: BUSY, output: 1 }];

		const text = await toldAfter(sent, { summary: 'Nothing is wrong.' });

		expect(text).toContain(
			`Failed deliveries to ${URL}: not counted. This run sent none of them. A replay`,
		);
	});

	it('tells of a receiver that is not ready, and of one that cannot be looked at', async () => {
		const tested = { delivered: false, status: 410, error: null };
		const sent = [...counted, { node: 'Is it ready?', json: tested, output: 1 }];

		const text = await toldAfter(sent, { error: 'The endpoint is gone', message: 'Look it up.' });

		expect(nodeCalled('What is wrong?').onError).toBe('continueRegularOutput');
		expect(text).toBe(
			`Failed deliveries to ${URL}: 3. This run sent none of them. It is not ready.\nThe endpoint is gone`,
		);
	});

	it('looks for ten minutes at most how far it has come', async () => {
		const last = PATIENCE_SECONDS / WAIT_SECONDS - 1;

		expect(nodeCalled('Wait 5 seconds').parameters.amount).toBe(WAIT_SECONDS);
		expect(await isDone('completed', 0)).toBe(true);
		expect(await isDone('running', 0)).toBe(false);
		expect(await isDone('running', last - 1)).toBe(false);
		expect(await isDone('running', last)).toBe(true);
	});

	it('says that sending goes on when it has not ended by then', async () => {
		const told = (status: string) => {
			const json = { status, redelivered: 2, total: 3 };
			return textOf('Tell what was sent', [...counted, { node: 'Is it done?', json }]);
		};

		const sent = `2 of 3 failed deliveries to ${URL} were sent again.`;
		expect(await told('completed')).toBe(sent);
		expect(await told('running')).toBe(`${sent} The others follow: sending goes on by itself.`);
	});
});

/** What somebody is told after these steps, and after what was then found to be wrong. */
async function toldAfter(steps: readonly Step[], diagnosis: IDataObject): Promise<unknown> {
	const { assignments } = nodeCalled('What stopped it').parameters.assignments as {
		assignments: Array<{ name: string; value: string }>;
	};
	const json: IDataObject = {};
	for (const { name, value } of assignments) {
		json[name] = (await resolved('What stopped it', value, steps)) as string;
	}
	return await textOf('Tell what is wrong', [
		...steps,
		{ node: 'What stopped it', json },
		{ node: 'What is wrong?', json: diagnosis },
	]);
}

async function textOf(name: string, steps: readonly Step[]): Promise<unknown> {
	const { parameters } = nodeCalled(name).parameters.bodyParameters as {
		parameters: Array<{ name: string; value: string }>;
	};
	return await resolved(name, parameters.find((one) => one.name === 'text')!.value, steps);
}

async function isDone(status: string, round: number): Promise<boolean> {
	const { conditions } = nodeCalled('Is it done?').parameters;
	const steps = [{ node: 'How far is it?', json: { status } }];
	const filter = await resolved('Is it done?', conditions as INodeParameters, steps, round);
	return executeFilter(filter as FilterValue);
}

/** What n8n makes of a parameter of a node, after one item went through these steps. */
async function resolved(
	name: string,
	value: NodeParameterValueType,
	steps: readonly Step[],
	round = 0,
): Promise<unknown> {
	const node = nodeCalled(name);
	const { json } = steps.at(-1)!;
	const input: INodeExecutionData[] = [{ json, pairedItem: { item: 0 } }];
	const runData = Object.fromEntries(
		steps.map((step, at) => [step.node, [taskOf(step, steps[at - 1])]]),
	);
	return await new Workflow({
		nodes,
		connections,
		active: false,
		nodeTypes: NO_NODE_TYPES,
	}).expression.getParameterValue(
		value,
		createRunExecutionData({ resultData: { runData } }),
		round,
		0,
		name,
		input,
		'manual',
		{},
		{ node, data: { main: [input] }, source: { main: [sourceOf(steps.at(-1)!)] } },
	);
}

function taskOf({ json, output = 0 }: Step, before: Step | undefined): ITaskData {
	const items: INodeExecutionData[] = [{ json, pairedItem: { item: 0 } }];
	return {
		startTime: 0,
		executionTime: 0,
		executionIndex: 0,
		source: before ? [sourceOf(before)] : [],
		data: { main: output === 1 ? [[], items] : [items] },
	};
}

function sourceOf({ node, output = 0 }: Step) {
	return { previousNode: node, previousNodeOutput: output, previousNodeRun: 0 };
}

function nodeCalled(name: string): INode {
	const node = nodes.find((one) => one.name === name);
	if (!node) throw new Error(`The template has no node "${name}"`);
	return node;
}

function targetsOf(name: string): string[] {
	return (connections[name]?.main ?? []).flatMap((output) =>
		(output ?? []).map(({ node }) => node),
	);
}

/** Expressions are resolved without knowing what a node is. */
const NO_NODE_TYPES = {
	getByName: () => undefined,
	getByNameAndVersion: () => undefined,
	getKnownTypes: () => ({}),
} as unknown as INodeTypes;

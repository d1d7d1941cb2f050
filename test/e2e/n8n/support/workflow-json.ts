import { randomUUID } from 'node:crypto';

export const NODE_TYPES = {
	action: 'n8n-nodes-whatisup.whatIsUp',
	tool: 'n8n-nodes-whatisup.whatIsUpTool',
	trigger: 'n8n-nodes-whatisup.whatIsUpTrigger',
	manual: 'n8n-nodes-base.manualTrigger',
} as const;

export interface NodeJson {
	readonly id: string;
	readonly name: string;
	readonly type: string;
	readonly typeVersion: number;
	readonly position: readonly [x: number, y: number];
	readonly parameters: Record<string, unknown>;
	readonly credentials?: Record<string, { id: string; name: string }>;
	readonly webhookId?: string;
	readonly executeOnce?: boolean;
	readonly onError?: 'continueRegularOutput' | 'continueErrorOutput';
}

export type Connections = Record<string, { main: { node: string; type: 'main'; index: 0 }[][] }>;

/** A node of a workflow as n8n stores it. */
export function node(
	name: string,
	type: keyof typeof NODE_TYPES,
	parameters: Record<string, unknown> = {},
	rest: Partial<NodeJson> = {},
): NodeJson {
	return {
		id: randomUUID(),
		name,
		type: NODE_TYPES[type],
		typeVersion: 1,
		position: [0, 0],
		parameters,
		// Part of the trigger's URL, and as unique as that.
		...(type === 'trigger' && { webhookId: randomUUID() }),
		...rest,
	};
}

/** Which instance a node uses, by id or with an expression. */
export function instance(value: string) {
	return { __rl: true, mode: 'id', value };
}

/** The same for a webhook endpoint. */
export const endpoint = instance;

/** One node after the other, from left to right. */
export function inARow(nodes: readonly NodeJson[]): {
	nodes: NodeJson[];
	connections: Connections;
} {
	const connections: Connections = {};
	for (const [i, { name }] of nodes.slice(1).entries()) {
		connections[nodes[i]!.name] = { main: [[{ node: name, type: 'main', index: 0 }]] };
	}
	return { nodes: nodes.map((one, i) => ({ ...one, position: [i * 260, 0] })), connections };
}

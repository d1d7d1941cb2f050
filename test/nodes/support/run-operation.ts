import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';
import { WhatIsUp } from '../../../nodes/WhatIsUp/WhatIsUp.node';
import { API_KEY, type ContractServer } from './contract-server';
import { executeContext, type Surroundings } from './n8n-context';

const node = new WhatIsUp();

/** What an expression may come to that is no text: none at all, or several things in one. */
export const TEXTLESS = [null, undefined, { text: 'Hello' }, ['Hello', 'World'], []].map(
	(value) => [value as INodeParameters[string]] as const,
);

/** Runs an operation of the action node for one item, and answers the items that it becomes. */
export async function runOperation(
	engine: Pick<ContractServer, 'baseUrl'>,
	parameters: INodeParameters,
	more: Partial<Surroundings> = {},
): Promise<INodeExecutionData[]> {
	const context = executeContext({
		node,
		credentials: { baseUrl: engine.baseUrl, apiKey: API_KEY },
		parameters,
		...more,
	});
	const [items] = await node.execute.call(context);
	return items ?? [];
}

/** Which instance to use, as it is when its ID was typed in. */
export function byId(id: unknown): INodeParameters {
	return { instance: { __rl: true, mode: 'id', value: String(id) } };
}

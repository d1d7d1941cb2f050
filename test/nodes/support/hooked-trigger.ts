import type { IDataObject, IHookFunctions, INodeParameters } from 'n8n-workflow';
import { WhatIsUpTrigger } from '../../../nodes/WhatIsUpTrigger/WhatIsUpTrigger.node';
import { API_KEY, type ContractServer } from './contract-server';
import { hookContext, staticDataOf } from './n8n-context';

export const WEBHOOK_URL = 'http://127.0.0.1:5678/webhook/0d8f/whatisup';
export const TEST_URL = 'http://127.0.0.1:5678/webhook-test/0d8f/whatisup';

export const trigger = new WhatIsUpTrigger();

interface Given {
	readonly parameters?: INodeParameters;
	readonly staticData?: IDataObject;
	readonly webhookUrl?: string;
	readonly workflowName?: string;
	readonly isTest?: boolean;
}

/** In which n8n activates and deactivates the trigger. */
export function hookOf(
	engine: ContractServer,
	{ parameters = {}, staticData = staticDataOf(), ...hooked }: Given = {},
): IHookFunctions {
	const credentials = { baseUrl: engine.baseUrl, apiKey: API_KEY };
	const surroundings = { node: trigger, credentials, parameters };
	return hookContext(surroundings, { webhookUrl: WEBHOOK_URL, staticData, ...hooked });
}

/** The settings of a trigger for one instance. */
export function only(id: unknown): INodeParameters {
	const instance = { __rl: true as const, mode: 'id', value: String(id) };
	return { listenTo: 'oneInstance', instance };
}

import { randomBytes } from 'node:crypto';
import { NodeOperationError, type IDataObject, type IHookFunctions } from 'n8n-workflow';
import { textOf } from '../WhatIsUp/shared/fields';
import { engineFind, engineRequest, engineRequestAll } from '../WhatIsUp/transport';
import { beginArrivals, endArrivals } from './arrivals';

/**
 * The trigger's registration with the engine: one endpoint, with a secret of its own, that lives
 * from activation to deactivation.
 *
 * What is stored lies in n8n's static data of this node. n8n keeps that of a test run apart from
 * that of the active workflow, and the test URL differs from the production URL, so listening
 * for a test event adds a second endpoint and leaves the first alone.
 */
export interface Registration {
	readonly endpointId: string;
	readonly url: string;
	readonly secret: string;
}

const ENDPOINTS = '/v1/webhook-endpoints';

/** Reads what `create` stored, or undefined when there is nothing usable. */
export function registrationIn(staticData: IDataObject): Registration | undefined {
	const { endpointId, url, secret } = staticData;
	if (typeof endpointId !== 'string' || typeof url !== 'string' || typeof secret !== 'string') {
		return undefined;
	}
	return { endpointId, url, secret };
}

/** Whether the engine still has the stored endpoint, and just as this node wants it. */
export async function checkExists(this: IHookFunctions): Promise<boolean> {
	const stored = registrationIn(this.getWorkflowStaticData('node'));
	if (stored === undefined || stored.url !== webhookUrl.call(this)) return false;

	const path = pathOf(stored.endpointId);
	const endpoint = await engineFind.call(this, { method: 'GET', path });
	return (
		endpoint !== undefined &&
		endpoint.enabled !== false &&
		endpoint.url === stored.url &&
		(endpoint.instance_id ?? undefined) === chosenInstance.call(this) &&
		sameEvents(endpoint.events, chosenEvents.call(this))
	);
}

/** Registers this trigger. Endpoints that an earlier life of it left behind are removed first. */
export async function create(this: IHookFunctions): Promise<boolean> {
	const url = webhookUrl.call(this);
	const events = chosenEvents.call(this);
	const instanceId = chosenInstance.call(this);
	const staticData = this.getWorkflowStaticData('node');
	await removeLeftovers.call(this, url, registrationIn(staticData)?.endpointId);

	const secret = `whsec_${randomBytes(32).toString('base64')}`;
	const endpoint = await engineRequest.call(this, {
		method: 'POST',
		path: ENDPOINTS,
		body: {
			url,
			events,
			...(instanceId !== undefined && { instance_id: instanceId }),
			signing_secret: secret,
		},
	});
	if (typeof endpoint.id !== 'string') {
		throw new NodeOperationError(this.getNode(), 'WhatIsUp did not confirm the registration', {
			description: 'Check the Base URL in the credential: is it WhatIsUp that answers there?',
		});
	}
	beginArrivals(endpoint.id);
	Object.assign(staticData, { endpointId: endpoint.id, url, secret });
	return true;
}

/** Removes the registration. One that the engine no longer knows is as good as removed. */
export async function remove(this: IHookFunctions): Promise<boolean> {
	const staticData = this.getWorkflowStaticData('node');
	const stored = registrationIn(staticData);
	if (stored !== undefined) {
		await deleteEndpoint.call(this, stored.endpointId);
		endArrivals(stored.endpointId);
	}
	for (const key of ['endpointId', 'url', 'secret']) delete staticData[key];
	return true;
}

/**
 * An n8n that was killed, or that could not reach the engine, leaves endpoints whose secret is
 * lost. Their URL is this node's alone, so they can be told by it; left in place, every event
 * would come twice and be refused once.
 */
async function removeLeftovers(
	this: IHookFunctions,
	url: string,
	stored: string | undefined,
): Promise<void> {
	const endpoints = await engineRequestAll.call(this, ENDPOINTS, {});
	const leftovers = endpoints.filter((endpoint) => endpoint.url === url || endpoint.id === stored);
	for (const { id } of leftovers) await deleteEndpoint.call(this, String(id));
}

async function deleteEndpoint(this: IHookFunctions, id: string): Promise<void> {
	await engineFind.call(this, { method: 'DELETE', path: pathOf(id) });
}

function pathOf(id: string): string {
	return `${ENDPOINTS}/${encodeURIComponent(id)}`;
}

function webhookUrl(this: IHookFunctions): string {
	const url = this.getNodeWebhookUrl('default');
	if (url === undefined) {
		throw new NodeOperationError(this.getNode(), 'n8n gave this trigger no webhook URL');
	}
	return url;
}

function chosenEvents(this: IHookFunctions): string[] {
	const events = this.getNodeParameter('events') as string[];
	if (events.length === 0) {
		throw new NodeOperationError(this.getNode(), 'No event is chosen', {
			description: 'Choose at least one event that shall start the workflow.',
		});
	}
	return events;
}

/** The instance to listen to, or undefined for all of them. */
function chosenInstance(this: IHookFunctions): string | undefined {
	if (this.getNodeParameter('listenTo') === 'allInstances') return undefined;
	const instance = textOf(this.getNodeParameter('instance', '', { extractValue: true }));
	if (instance === '') throw new NodeOperationError(this.getNode(), 'No instance is chosen');
	return instance;
}

function sameEvents(registered: unknown, chosen: readonly string[]): boolean {
	return (
		Array.isArray(registered) &&
		registered.length === chosen.length &&
		chosen.every((event) => registered.includes(event))
	);
}

import { randomBytes } from 'node:crypto';
import {
	NodeOperationError,
	type IDataObject,
	type IHookFunctions,
	type IHttpRequestMethods,
	type NodeApiError,
} from 'n8n-workflow';
import { ENDPOINTS } from '../WhatIsUp/shared/endpoint';
import {
	engineAttempt,
	engineFind,
	engineRequestAll,
	refusalData,
	type Outcome,
} from '../WhatIsUp/transport';
import { beginArrivals, endArrivals, endArrivalsLater, keepArrivals } from './arrivals';
import { fingerprintOf, isAsWanted, wantedEndpoint, type WantedEndpoint } from './wanted-endpoint';

/**
 * The trigger's registration with the engine: one endpoint, with a secret of its own, that lives
 * from activation to deactivation.
 *
 * What is stored lies in n8n's static data of this node. n8n keeps that of a test run apart from
 * that of the active workflow, and the test URL differs from the production URL, so listening
 * for a test event adds a second endpoint and leaves the first alone.
 *
 * Settings that changed show in the fingerprint, and so does an n8n that moved. Then the endpoint
 * is changed, not replaced: it keeps its secret, its history and what still waits to be delivered.
 *
 * When a workflow is published anew with another trigger, n8n asks to delete first and, a moment
 * later, to create, without saying that both belong together. So the endpoint is deleted with
 * notice, and what is stored stays: if `create` follows in time, the endpoint is changed, which
 * calls its deletion off, and nothing that came in between is lost. A test run has no such sequel.
 */
export interface Registration {
	readonly endpointId: string;
	readonly url: string;
	readonly secret: string;
	/** Of the settings it was made with; absent when an earlier version of this node made it. */
	readonly fingerprint: string | undefined;
}

const STORED = ['endpointId', 'url', 'secret', 'fingerprint', 'isTest'];

/** Far longer than n8n takes from deleting to creating, which is about a tenth of a second. */
const NOTICE_SECONDS = 15;

/** Reads what `create` stored, or undefined when there is nothing usable. */
export function registrationIn(staticData: IDataObject): Registration | undefined {
	const { endpointId, url, secret, fingerprint } = staticData;
	if (typeof endpointId !== 'string' || typeof url !== 'string' || typeof secret !== 'string') {
		return undefined;
	}
	const known = typeof fingerprint === 'string' ? fingerprint : undefined;
	return { endpointId, url, secret, fingerprint: known };
}

/** Whether the engine still has the stored endpoint, and just as this node wants it. */
export async function checkExists(this: IHookFunctions): Promise<boolean> {
	const stored = registrationIn(this.getWorkflowStaticData('node'));
	if (stored === undefined) return false;
	const wanted = wantedEndpoint.call(this);
	if (stored.fingerprint !== fingerprintOf(wanted)) return false;

	const path = pathOf(stored.endpointId);
	const endpoint = await engineFind.call(this, { method: 'GET', path });
	return endpoint !== undefined && isAsWanted(endpoint, wanted);
}

/** Registers this trigger: changes the endpoint that it has, or makes one. */
export async function create(this: IHookFunctions): Promise<boolean> {
	const wanted = wantedEndpoint.call(this);
	const staticData = this.getWorkflowStaticData('node');
	const stored = registrationIn(staticData);

	const kept = stored !== undefined && (await change.call(this, stored.endpointId, wanted));
	// Until n8n has saved what is stored below, calls are still judged by what was stored before.
	if (stored !== undefined) (kept ? keepArrivals : endArrivalsLater)(stored.endpointId);
	await removeLeftovers.call(this, wanted.url, stored?.endpointId, kept);
	const registration = kept
		? { endpointId: stored.endpointId, secret: stored.secret }
		: await register.call(this, wanted);
	Object.assign(staticData, {
		...registration,
		url: wanted.url,
		fingerprint: fingerprintOf(wanted),
		isTest: this.getMode() === 'manual',
	});
	return true;
}

/** Removes the registration. One that the engine no longer knows is as good as removed. */
export async function remove(this: IHookFunctions): Promise<boolean> {
	const staticData = this.getWorkflowStaticData('node');
	const stored = registrationIn(staticData);
	if (stored !== undefined) {
		const { endpointId } = stored;
		if (staticData.isTest !== true && (await giveNotice.call(this, endpointId))) return true;
		await deleteEndpoint.call(this, endpointId);
	}
	for (const key of STORED) delete staticData[key];
	return true;
}

async function register(
	this: IHookFunctions,
	wanted: WantedEndpoint,
): Promise<Pick<Registration, 'endpointId' | 'secret'>> {
	const secret = `whsec_${randomBytes(32).toString('base64')}`;
	const known = { ...scopeOf(wanted), signing_secret: secret };
	const { answer, refused } = await submit.call(this, 'POST', ENDPOINTS, { known, wanted });
	if (refused !== undefined) throw refused;
	if (typeof answer.id !== 'string') {
		throw new NodeOperationError(this.getNode(), 'WhatIsUp did not confirm the registration', {
			description: 'Check the Base URL in the credential: is it WhatIsUp that answers there?',
		});
	}
	beginArrivals(answer.id);
	return { endpointId: answer.id, secret };
}

/** Answers false when the endpoint is gone, or when what runs there cannot change endpoints. */
async function change(this: IHookFunctions, id: string, wanted: WantedEndpoint): Promise<boolean> {
	const known = { instance_ids: [...wanted.instanceIds], enabled: true };
	const { refused } = await submit.call(this, 'PATCH', pathOf(id), { known, wanted });
	if (refused === undefined) return true;
	if (isNotThere(refused)) return false;
	throw refused;
}

/** Something else may be missing, too, such as an instance that was deleted. */
function isNotThere(refused: NodeApiError): boolean {
	const { code = 'route_not_found' } = refusalData(refused);
	const isOfEndpoint = ['endpoint_not_found', 'route_not_found'].includes(code);
	return refused.httpCode === '405' || (refused.httpCode === '404' && isOfEndpoint);
}

/**
 * A server that refuses fields it does not know is asked again without them: hosted WhatIsUp, or an
 * engine older than this node. Nothing unwanted starts the workflow for that, since the node filters
 * again what it receives; only the order and the limits are up to the server.
 */
async function submit(
	this: IHookFunctions,
	method: IHttpRequestMethods,
	path: string,
	{ known, wanted }: { known: IDataObject; wanted: WantedEndpoint },
): Promise<Outcome> {
	const { url, events, rest } = wanted;
	const { chat_type_filter } = rest;
	const core = {
		url,
		events: [...events],
		...known,
		...(chat_type_filter !== 'all' && { chat_type_filter }),
	};
	const outcome = await engineAttempt.call(this, { method, path, body: { ...core, ...rest } });
	if (outcome.refused === undefined || !isUnknownField(outcome.refused)) return outcome;
	return await engineAttempt.call(this, { method, path, body: core });
}

/** The engine names the fields; what another server means is anyone's guess, so it is tried. */
function isUnknownField(refused: NodeApiError): boolean {
	if (!['400', '422'].includes(String(refused.httpCode))) return false;
	const { code, details } = refusalData(refused);
	if (details?.issues !== undefined) {
		return JSON.stringify(details.issues).includes('is not a known field');
	}
	return code === undefined || /invalid|validation|bad_request|unknown/.test(code);
}

/** The contract has a name for a single instance, which every version knows. */
function scopeOf({ instanceIds }: WantedEndpoint): IDataObject {
	if (instanceIds.length === 0) return {};
	const [only, ...others] = instanceIds;
	return others.length === 0 ? { instance_id: only } : { instance_ids: [...instanceIds] };
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
	isKept: boolean,
): Promise<void> {
	const endpoints = await engineRequestAll.call(this, ENDPOINTS, {});
	const leftovers = endpoints.filter(({ id, url: other }) => {
		return id === stored ? !isKept : other === url;
	});
	for (const { id } of leftovers) await deleteEndpoint.call(this, String(id));
}

/**
 * Answers false when the server knows no notice, or no longer the endpoint. One that passes over
 * the notice has deleted the endpoint, which the next `create` finds out.
 */
async function giveNotice(this: IHookFunctions, id: string): Promise<boolean> {
	const qs = { after_seconds: NOTICE_SECONDS };
	const { refused } = await engineAttempt.call(this, { method: 'DELETE', path: pathOf(id), qs });
	if (refused === undefined) {
		endArrivalsLater(id);
		return true;
	}
	if (['400', '404', '422'].includes(String(refused.httpCode))) return false;
	throw refused;
}

async function deleteEndpoint(this: IHookFunctions, id: string): Promise<void> {
	await engineFind.call(this, { method: 'DELETE', path: pathOf(id) });
	endArrivals(id);
}

function pathOf(id: string): string {
	return `${ENDPOINTS}/${encodeURIComponent(id)}`;
}

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
 *
 * The engine's secret may have been rotated meanwhile, by its API or by the action node. The engine
 * tells when, so this shows, and the endpoint gets a new secret; not the stored one again, which may
 * have leaked. Replacing the endpoint would do as well, but would lose what still waits.
 */
export interface Registration {
	readonly endpointId: string;
	readonly url: string;
	readonly secret: string;
	/** Of the settings it was made with; absent when an earlier version of this node made it. */
	readonly fingerprint: string | undefined;
	/**
	 * When the engine took this secret in place of another one, as it tells. Absent when it was the
	 * first one, or when nothing is known of it.
	 */
	readonly secretRotatedAt: string | undefined;
}

/** What belongs to the endpoint itself. The rest follows from the settings. */
type Keys = Pick<Registration, 'endpointId' | 'secret' | 'secretRotatedAt'>;

const STORED = ['endpointId', 'url', 'secret', 'fingerprint', 'secretRotatedAt', 'isTest'];

/** Far longer than n8n takes from deleting to creating, which is about a tenth of a second. */
const NOTICE_SECONDS = 15;

/** Reads what `create` stored, or undefined when there is nothing usable. */
export function registrationIn(staticData: IDataObject): Registration | undefined {
	const { endpointId, url, secret } = staticData;
	if (typeof endpointId !== 'string' || typeof url !== 'string' || typeof secret !== 'string') {
		return undefined;
	}
	const fingerprint = stringIn(staticData.fingerprint);
	const secretRotatedAt = stringIn(staticData.secretRotatedAt);
	return { endpointId, url, secret, fingerprint, secretRotatedAt };
}

/** Whether the engine still has the stored endpoint, and just as this node wants it. */
export async function checkExists(this: IHookFunctions): Promise<boolean> {
	const stored = registrationIn(this.getWorkflowStaticData('node'));
	if (stored === undefined) return false;
	const wanted = wantedEndpoint.call(this);
	if (stored.fingerprint !== fingerprintOf(wanted)) return false;

	const path = pathOf(stored.endpointId);
	const endpoint = await engineFind.call(this, { method: 'GET', path });
	return endpoint !== undefined && isAsWanted(endpoint, wanted) && !isRotated(endpoint, stored);
}

/** Registers this trigger: changes the endpoint that it has, or makes one. */
export async function create(this: IHookFunctions): Promise<boolean> {
	const wanted = wantedEndpoint.call(this);
	const staticData = this.getWorkflowStaticData('node');
	const stored = registrationIn(staticData);

	const kept = stored && (await adopt.call(this, stored, wanted));
	// Until n8n has saved what is stored below, calls are still judged by what was stored before.
	if (stored !== undefined) (kept ? keepArrivals : endArrivalsLater)(stored.endpointId);
	await removeLeftovers.call(this, wanted.url, stored?.endpointId, kept !== undefined);
	const keys = kept ?? (await register.call(this, wanted));
	// Nothing here may be null: n8n's static data fails when it is given that.
	Object.assign(staticData, {
		...keys,
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

async function register(this: IHookFunctions, wanted: WantedEndpoint): Promise<Keys> {
	const secret = madeSecret();
	const known = { ...scopeOf(wanted), signing_secret: secret };
	const { answer, refused } = await submit.call(this, 'POST', ENDPOINTS, { known, wanted });
	if (refused !== undefined) throw refused;
	if (typeof answer.id !== 'string') {
		throw new NodeOperationError(this.getNode(), 'WhatIsUp did not confirm the registration', {
			description: 'Check the Base URL in the credential: is it WhatIsUp that answers there?',
		});
	}
	beginArrivals(answer.id);
	return { endpointId: answer.id, secret, secretRotatedAt: stringIn(answer.secret_rotated_at) };
}

/**
 * Makes the stored endpoint the wanted one. Answers undefined when it is gone, or when what runs
 * there cannot change it.
 */
async function adopt(
	this: IHookFunctions,
	stored: Registration,
	wanted: WantedEndpoint,
): Promise<Keys | undefined> {
	const changed = await change.call(this, stored.endpointId, wanted);
	if (changed === undefined) return undefined;
	if (isRotated(changed, stored)) return await replaceSecret.call(this, stored);
	const { endpointId, secret } = stored;
	const { secret_rotated_at: shown = stored.secretRotatedAt } = changed;
	return { endpointId, secret, secretRotatedAt: stringIn(shown) };
}

async function change(
	this: IHookFunctions,
	id: string,
	wanted: WantedEndpoint,
): Promise<IDataObject | undefined> {
	const known = { instance_ids: [...wanted.instanceIds], enabled: true };
	const { answer, refused } = await submit.call(this, 'PATCH', pathOf(id), { known, wanted });
	if (refused === undefined) return answer;
	if (isNotThere(refused)) return undefined;
	throw refused;
}

/**
 * Whether the engine may sign with another secret than the stored one. A server that does not show
 * the time gives no reason to think so. Null, which it shows of a first secret, is stored as absent.
 */
function isRotated({ secret_rotated_at: shown }: IDataObject, stored: Registration): boolean {
	return shown !== undefined && stringIn(shown) !== stored.secretRotatedAt;
}

/** Has the engine sign with a new secret, and from now on with that one only. */
async function replaceSecret(
	this: IHookFunctions,
	{ endpointId }: Registration,
): Promise<Keys | undefined> {
	const secret = madeSecret();
	const path = `${pathOf(endpointId)}/rotate-secret`;
	const body = { signing_secret: secret, overlap_seconds: 0 };
	const { answer, refused } = await engineAttempt.call(this, { method: 'POST', path, body });
	if (refused === undefined) {
		return { endpointId, secret, secretRotatedAt: stringIn(answer.secret_rotated_at) };
	}
	if (isNotThere(refused) || isUnknownField(refused)) return undefined;
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
 *
 * The filter of chats is another matter: what it keeps back, no filter of the node brings again. So
 * an endpoint that exists, and that may have one, is told of it even when all chats are wanted.
 */
async function submit(
	this: IHookFunctions,
	method: IHttpRequestMethods,
	path: string,
	{ known, wanted }: { known: IDataObject; wanted: WantedEndpoint },
): Promise<Outcome> {
	const { url, events, rest } = wanted;
	const { chat_type_filter } = rest;
	const core = { url, events: [...events], ...known };
	const isAll = chat_type_filter === 'all';
	const fallbacks = [
		...(isAll && method === 'POST' ? [] : [{ ...core, chat_type_filter }]),
		...(isAll ? [core] : []),
	];
	let outcome = await engineAttempt.call(this, { method, path, body: { ...core, ...rest } });
	for (const body of fallbacks) {
		if (outcome.refused === undefined || !isUnknownField(outcome.refused)) break;
		outcome = await engineAttempt.call(this, { method, path, body });
	}
	return outcome;
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

function stringIn(value: unknown): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

function madeSecret(): string {
	return `whsec_${randomBytes(32).toString('base64')}`;
}

import type { IDataObject, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { arrivalsOf, type ArrivalVerdict } from './arrivals';
import { ignoredBecause } from './filters';
import { parseEnvelope, toJson } from './output';
import { verifySignature, type SignatureFault } from './signature';
import { registrationIn } from './subscription';

/**
 * Receives one call at the trigger's URL: verifies it, decides whether it starts the workflow,
 * and answers everything else itself. What cannot be verified gets 401 and an explanation, never
 * a silent 200.
 */
export async function receive(this: IWebhookFunctions): Promise<IWebhookResponseData> {
	const registration = registrationIn(this.getWorkflowStaticData('node'));
	if (registration === undefined) return refuse.call(this, 'unregistered');

	const rawBody = await readBody.call(this);
	const verdict = verifySignature({
		header: signatureHeader.call(this),
		rawBody,
		secret: registration.secret,
		nowSeconds: Math.floor(Date.now() / 1000),
	});
	if (!verdict.valid) return refuse.call(this, verdict.reason);

	const envelope = parseEnvelope(rawBody);
	if (envelope === undefined) return refuse.call(this, 'not_an_event');
	const eventId = envelope.event_id;

	const arrivals = arrivalsOf(registration.endpointId);
	const arrival = arrivals.admit({ eventId, signedAt: verdict.signedAt });
	if (arrival === 'repeated') return accept.call(this, 'already_received');
	if (arrival !== 'run') return refuse.call(this, arrival);

	const response = this.getResponseObject();
	response.once('close', () => {
		arrivals.settle(eventId, response.writableFinished && response.statusCode < 300);
	});
	const ignored = ignoredBecause.call(this, envelope);
	if (ignored !== undefined) return accept.call(this, ignored);
	return { workflowData: [this.helpers.returnJsonArray(toJson(envelope))] };
}

/** n8n hands over the untouched body of most calls; of the rest it has to be asked for. */
async function readBody(this: IWebhookFunctions): Promise<Buffer> {
	const request = this.getRequestObject();
	if (!request.rawBody) await request.readRawBody();
	return request.rawBody ?? Buffer.alloc(0);
}

function signatureHeader(this: IWebhookFunctions): string | undefined {
	const header = this.getHeaderData()['x-whatisup-signature'];
	return typeof header === 'string' ? header : undefined;
}

function accept(this: IWebhookFunctions, status: string): IWebhookResponseData {
	return answer.call(this, 200, { status });
}

type Refusal =
	SignatureFault | Exclude<ArrivalVerdict, 'run' | 'repeated'> | 'unregistered' | 'not_an_event';

function refuse(this: IWebhookFunctions, refusal: Refusal): IWebhookResponseData {
	const { status, message, hint } = REFUSALS[refusal];
	return answer.call(this, status, { error: { code: `webhook_${refusal}`, message, hint } });
}

/** Answers the call here and now; n8n runs nothing. */
function answer(this: IWebhookFunctions, status: number, body: IDataObject): IWebhookResponseData {
	this.getResponseObject().status(status).json(body);
	return { noWebhookResponse: true };
}

const REFUSALS: Readonly<Record<Refusal, { status: number; message: string; hint: string }>> = {
	unregistered: {
		status: 401,
		message: 'This trigger is not registered with WhatIsUp.',
		hint: 'Deactivate the workflow and activate it again.',
	},
	missing: {
		status: 401,
		message: 'The call is not signed.',
		hint: 'Only WhatIsUp may call this URL. A proxy must pass on the header X-WhatIsUp-Signature.',
	},
	malformed: {
		status: 401,
		message: 'The signature cannot be read.',
		hint: 'X-WhatIsUp-Signature looks like t=<unix seconds>,v1=<64 hex digits>.',
	},
	mismatch: {
		status: 401,
		message: 'The signature does not fit the body.',
		hint: 'Deactivate the workflow and activate it again for a new secret. A proxy must not change the body.',
	},
	expired: {
		status: 401,
		message: 'The signature was made more than five minutes ago, or in the future.',
		hint: 'Check the clocks of WhatIsUp and of n8n.',
	},
	forgotten: {
		status: 401,
		message: 'This call was signed before n8n was started.',
		hint: 'Deliver it again, signed anew.',
	},
	replayed: {
		status: 401,
		message: 'This call has been received before.',
		hint: 'A repeated delivery must be signed anew.',
	},
	starting: {
		status: 503,
		message: 'n8n is still starting the workflow for this event.',
		hint: 'Deliver it again in a few seconds.',
	},
	not_an_event: {
		status: 400,
		message: 'The body is not an event of WhatIsUp.',
		hint: 'Check that n8n and WhatIsUp are of versions that fit together.',
	},
};

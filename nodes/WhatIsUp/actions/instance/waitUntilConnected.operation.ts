import {
	NodeApiError,
	NodeOperationError,
	sleep,
	updateDisplayOptions,
	type IDataObject,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
	type JsonObject,
} from 'n8n-workflow';
import { instanceField, instancePath } from '../../shared/fields';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Wait Until Connected',
	value: 'waitUntilConnected',
	action: 'Wait until an instance is connected',
	description:
		'Go on as soon as an account is connected, such as once its QR code has been scanned',
};

const LONGEST_WAIT_S = 600;
const PAUSE_MS = 2_000;

const fields: INodeProperties[] = [
	instanceField,
	{
		displayName: 'Max Wait (Seconds)',
		name: 'maxWait',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: LONGEST_WAIT_S },
		default: 120,
		description: 'How long to wait at most: up to 600 seconds, which is ten minutes',
	},
	{
		displayName: 'On Timeout',
		name: 'onTimeout',
		type: 'options',
		options: [
			{
				name: 'Continue',
				value: 'continue',
				description: 'Go on, with the field "connected" set to false',
			},
			{ name: 'Fail', value: 'fail', description: 'Stop with an error' },
		],
		default: 'continue',
		description: 'What to do when the account has not been connected in time',
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['instance'], operation: ['waitUntilConnected'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${instancePath.call(this, itemIndex)}/status`;
	const asked = Number(this.getNodeParameter('maxWait', itemIndex));
	const seconds = Math.min(Math.max(asked, 1), LONGEST_WAIT_S);
	const until = Date.now() + seconds * 1_000;

	let status = await engineRequest.call(this, { method: 'GET', path });
	while (!isConnected(status) && Date.now() < until) {
		await sleep(Math.min(PAUSE_MS, until - Date.now()));
		if (this.getExecutionCancelSignal()?.aborted) {
			throw new NodeOperationError(this.getNode(), 'Waiting was cancelled', { itemIndex });
		}
		status = (await latest.call(this, path)) ?? status;
	}

	const connected = isConnected(status);
	if (!connected && this.getNodeParameter('onTimeout', itemIndex) === 'fail') {
		throw new NodeOperationError(
			this.getNode(),
			`The account was not connected within ${seconds} seconds`,
			{ description: adviceFor(status), itemIndex },
		);
	}
	return this.helpers.returnJsonArray({ connected, ...status });
}

/** Hosted WhatIsUp tells no `state`, only the coarser `status`. */
function isConnected({ state, status }: IDataObject): boolean {
	return (state ?? status) === 'connected';
}

/** Undefined while the engine cannot tell: one that is being restarted is worth waiting for. */
async function latest(this: IExecuteFunctions, path: string): Promise<IDataObject | undefined> {
	try {
		return await engineRequest.call(this, { method: 'GET', path });
	} catch (error) {
		const status = error instanceof NodeApiError ? Number(error.httpCode ?? 503) : 0;
		if (status === 429 || status >= 500) return undefined;
		// As it is: n8n hands back an error of this kind that it is given.
		throw new NodeApiError(this.getNode(), error as JsonObject);
	}
}

function adviceFor({ state, status, status_reason: reason }: IDataObject): string {
	const why = reason ? ` (${String(reason)})` : '';
	switch (state ?? status) {
		case 'qr':
			return 'Nobody scanned the QR code. Use Get QR Code or Create Pairing Link before waiting.';
		case 'pending':
		case 'logged_out':
			return `No phone is linked${why}. Use Get QR Code or Create Pairing Link before waiting.`;
		case 'stopped':
			return 'The account was stopped. Use Start before waiting.';
		default:
			return `It is ${String(state ?? status)}${why}. Instance > Get History tells what happened.`;
	}
}

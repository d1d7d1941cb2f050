import {
	NodeApiError,
	NodeOperationError,
	type IDataObject,
	type IExecuteFunctions,
	type INode,
	type INodeExecutionData,
} from 'n8n-workflow';
import type { Resource } from '../shared/resource';
import { delivery } from './delivery/Delivery.resource';
import { group } from './group/Group.resource';
import { instance } from './instance/Instance.resource';
import { message } from './message/Message.resource';
import { webhookEndpoint } from './webhookEndpoint/WebhookEndpoint.resource';

const RESOURCES: Readonly<Record<string, Resource>> = {
	delivery,
	group,
	instance,
	message,
	webhookEndpoint,
};

/** The one loop over items: every operation handles a single item and knows nothing of the rest. */
export async function router(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const resource = this.getNodeParameter('resource', 0);
	const operation = this.getNodeParameter('operation', 0);
	const execute = RESOURCES[resource]?.operations[operation];
	if (!execute) {
		throw new NodeOperationError(this.getNode(), `Unknown operation: ${resource}.${operation}`);
	}

	const output: INodeExecutionData[] = [];
	for (let itemIndex = 0; itemIndex < this.getInputData().length; itemIndex++) {
		const itemData = { item: itemIndex };
		try {
			const items = await execute.call(this, itemIndex);
			output.push(...this.helpers.constructExecutionMetaData(items, { itemData }));
		} catch (error) {
			const failure = ofItem(itemIndex, this.getNode(), error);
			if (!this.continueOnFail()) throw failure;
			output.push({ json: describe(failure), pairedItem: itemData });
		}
	}
	return [output];
}

/** The error as n8n shows it best, linked to the item that it happened to. */
function ofItem(itemIndex: number, node: INode, error: unknown): NodeApiError | NodeOperationError {
	const failure =
		error instanceof NodeApiError || error instanceof NodeOperationError
			? error
			: new NodeOperationError(node, error as Error);
	failure.context.itemIndex = itemIndex;
	return failure;
}

/**
 * What "Continue on Fail" hands on. n8n sends an item to the error output when `error`, or
 * `error` and `message`, are all that its JSON holds, so the code and the hint go into `message`.
 */
function describe({ message, description }: NodeApiError | NodeOperationError): IDataObject {
	return { error: message, ...(description && { message: description }) };
}

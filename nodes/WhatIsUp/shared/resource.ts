import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeProperties,
	INodePropertyOptions,
} from 'n8n-workflow';

/** Handles one item and answers with the items that it becomes. */
export type Operation = (
	this: IExecuteFunctions,
	itemIndex: number,
) => Promise<INodeExecutionData[]>;

/** What a `*.operation.ts` file exports. */
export interface OperationModule {
	readonly option: INodePropertyOptions;
	readonly description: readonly INodeProperties[];
	readonly execute: Operation;
}

export interface Resource {
	/** The choice of the operation, followed by the fields of each. */
	readonly description: readonly INodeProperties[];
	readonly operations: Readonly<Record<string, Operation>>;
}

/** Puts operations together. n8n lists them in this order, so what is done first comes first. */
export function resourceOf(
	value: string,
	defaultOperation: string,
	modules: readonly OperationModule[],
): Resource {
	const choice: INodeProperties = {
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: [value] } },
		options: modules.map(({ option }) => option),
		default: defaultOperation,
	};
	const byValue = modules.map(({ option, execute }) => [String(option.value), execute] as const);
	return {
		description: [choice, ...modules.flatMap(({ description }) => description)],
		operations: Object.fromEntries(byValue),
	};
}

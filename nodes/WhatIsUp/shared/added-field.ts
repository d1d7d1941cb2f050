import { NodeOperationError, type IDataObject, type IExecuteFunctions } from 'n8n-workflow';
import { textOf } from './fields';

/**
 * Fields that somebody added to a collection, to narrow down what an operation is about.
 *
 * An expression in one may come to nothing. To leave the field out then would silently mean
 * everything: all deliveries are listed, and what comes next sends them all again. So a field
 * that was added has to hold something, or the item fails before anything is asked for.
 */

const LOOK = 'If it is an expression, look at what the node before this one hands over.';

/** What is typed into an added field, or picked in it. Fails when it is empty. */
export function addedText(
	this: IExecuteFunctions,
	name: string,
	displayName: string,
	itemIndex: number,
): string {
	const value = textOf(this.getNodeParameter(name, itemIndex, '', { extractValue: true }));
	if (value === '') throw emptyField.call(this, displayName, itemIndex);
	return value;
}

/** What to say of an added field that holds nothing. */
export function emptyField(
	this: IExecuteFunctions,
	displayName: string,
	itemIndex: number,
): NodeOperationError {
	return new NodeOperationError(this.getNode(), `${displayName} is empty`, {
		description: `${LOOK} To do without it, remove the field.`,
		itemIndex,
	});
}

/**
 * What was chosen in a field where none means all. Only a field that is clear means that; fails
 * when something was given in which no choice is found.
 */
export function someOrAll(
	this: IExecuteFunctions,
	{ what, given, chosen }: { what: string; given: IDataObject[string]; chosen: string[] },
	itemIndex: number,
): string[] {
	const isClear = given === '' || (Array.isArray(given) && given.length === 0);
	if (isClear || chosen.length > 0) return chosen;
	throw new NodeOperationError(this.getNode(), `No ${what} is chosen`, {
		description: `${LOOK} For all ${what}s, clear the field.`,
		itemIndex,
	});
}

import ts from 'typescript';

/** What a rule about source code needs to know of a file. */
export interface SourceFacts {
	/** Every module it names: imports, type imports, re-exports, `import()` and `require()`. */
	readonly imports: readonly string[];
	/**
	 * Every name it evaluates, with its properties: `process.env.HOME`, `setTimeout`. What a
	 * comment, a string or a type mentions is no use of it. `new Date()` without arguments
	 * stands here in just this form, for it reads the clock and `new Date(at)` does not.
	 */
	readonly names: readonly string[];
}

const LOADERS = ['require', 'require.resolve'];

/** Read by TypeScript's own parser: a regular expression finds imports in comments as well. */
export function factsOf(text: string): SourceFacts {
	const imports: string[] = [];
	const names: string[] = [];
	const file = ts.createSourceFile('sample.ts', text, ts.ScriptTarget.Latest, true);
	visit(file);
	return { imports, names };

	function visit(node: ts.Node): void {
		const module = moduleNamedBy(node);
		if (module !== undefined) imports.push(module);
		if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) {
			node.forEachChild(visitType);
			return;
		}
		const name = nameOf(node);
		if (name === undefined) node.forEachChild(visit);
		else if (!isDeclared(node)) names.push(name);
	}

	/** A type names modules, but evaluates nothing. */
	function visitType(node: ts.Node): void {
		const module = moduleNamedBy(node);
		if (module !== undefined) imports.push(module);
		node.forEachChild(visitType);
	}
}

function moduleNamedBy(node: ts.Node): string | undefined {
	if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
		return textOf(node.moduleSpecifier);
	}
	if (ts.isExternalModuleReference(node)) return textOf(node.expression);
	if (ts.isImportTypeNode(node)) {
		return ts.isLiteralTypeNode(node.argument) ? textOf(node.argument.literal) : undefined;
	}
	if (!ts.isCallExpression(node)) return undefined;
	const loads =
		node.expression.kind === ts.SyntaxKind.ImportKeyword ||
		LOADERS.includes(nameOf(node.expression) ?? '');
	return loads ? textOf(node.arguments[0]) : undefined;
}

/** `a.b['c']` as `a.b.c`; nothing for what is no plain chain of names. */
function nameOf(node: ts.Node): string | undefined {
	if (ts.isIdentifier(node)) return node.text;
	if (ts.isPropertyAccessExpression(node)) return chain(node.expression, node.name.text);
	if (ts.isElementAccessExpression(node)) {
		return chain(node.expression, textOf(node.argumentExpression));
	}
	const readsClock =
		ts.isNewExpression(node) && nameOf(node.expression) === 'Date' && !node.arguments?.length;
	return readsClock ? 'new Date()' : undefined;
}

function chain(object: ts.Expression, property: string | undefined): string | undefined {
	const name = nameOf(object);
	if (name === undefined || property === undefined) return undefined;
	return name === 'globalThis' ? property : `${name}.${property}`;
}

function textOf(node: ts.Node | undefined): string | undefined {
	return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

/** True for `x` in `{ x: 1 }`, `x() {}` and `const x`: there it is a new name, not a use of one. */
function isDeclared(node: ts.Node): boolean {
	const { name, propertyName } = node.parent as ts.Node & {
		name?: ts.Node;
		propertyName?: ts.Node;
	};
	if (ts.isShorthandPropertyAssignment(node.parent)) return false;
	return node === name || node === propertyName;
}

import { randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';

/** The one `from` of the server itself. Baileys compares it literally. */
export const SERVER = '@s.whatsapp.net';

type Content = BinaryNode[] | Uint8Array | string | undefined;

/** Builds a stanza or a part of one; attributes that are `undefined` are left out. */
export function stanza(
	tag: string,
	attributes: Readonly<Record<string, string | number | undefined>> = {},
	content?: Content,
): BinaryNode {
	const attrs: Record<string, string> = {};
	for (const [name, value] of Object.entries(attributes)) {
		if (value !== undefined) attrs[name] = String(value);
	}
	return content === undefined ? { tag, attrs } : { tag, attrs, content };
}

export function childrenOf(node: BinaryNode | undefined, tag?: string): BinaryNode[] {
	if (!Array.isArray(node?.content)) return [];
	return tag === undefined ? node.content : node.content.filter((child) => child.tag === tag);
}

export function findChild(node: BinaryNode | undefined, tag: string): BinaryNode | undefined {
	return childrenOf(node, tag)[0];
}

/** The child of this tag. Throws, which ends the peer's connection, when there is none. */
export function getChild(node: BinaryNode, tag: string): BinaryNode {
	const child = findChild(node, tag);
	if (child === undefined) throw new ProtocolViolation(`<${node.tag}> without <${tag}>`);
	return child;
}

/** The bytes inside the child of this tag, of exactly this length where one is given. */
export function getBytes(node: BinaryNode, tag: string, length?: number): Buffer {
	const bytes = bytesOf(getChild(node, tag));
	if (length !== undefined && bytes.length !== length) {
		throw new ProtocolViolation(`<${tag}> of ${bytes.length} bytes instead of ${length}`);
	}
	return bytes;
}

export function bytesOf(node: BinaryNode): Buffer {
	const { content } = node;
	if (typeof content === 'string') return Buffer.from(content, 'utf8');
	if (content instanceof Uint8Array) return Buffer.from(content);
	throw new ProtocolViolation(`<${node.tag}> without content`);
}

/** The attribute of this name. Throws, which ends the peer's connection, when it is missing. */
export function getAttribute(node: BinaryNode, name: string): string {
	const value = node.attrs[name];
	if (value === undefined) throw new ProtocolViolation(`<${node.tag}> without ${name}`);
	return value;
}

export function bigEndian(value: number, length: number): Buffer {
	const bytes = Buffer.alloc(length);
	bytes.writeUIntBE(value, 0, length);
	return bytes;
}

/** Seconds since 1970, as the `t` of a stanza. */
export function nowInSeconds(): number {
	return Math.floor(Date.now() / 1000);
}

/** An id for a message, like those which phones with Android make. */
export function newMessageId(): string {
	return randomBytes(16).toString('hex').toUpperCase();
}

/** A peer has sent what no client sends. Its connection is closed, and nobody else notices. */
export class ProtocolViolation extends Error {
	override readonly name = 'ProtocolViolation';
}

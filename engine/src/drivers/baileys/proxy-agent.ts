import type { Agent } from 'node:https';

export function proxyAgent(_url: string): Agent {
	throw new Error('not yet');
}

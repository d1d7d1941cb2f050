import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { ConfigFault, readConfig, widenThreadPool, type Config } from '../../engine/src/config.ts';
import { parseAllowList } from '../../engine/src/net/allow-list.ts';

const KEY = 'k'.repeat(43);

describe('the settings', () => {
	it('have a default for everything', () => {
		const config = read({});

		expect(config.http).toEqual({ host: '127.0.0.1', port: 3000, publicUrl: undefined });
		expect(config.whatsapp).toMatchObject({ maxSessions: 50, webVersion: undefined });
		expect(config.webhooks).toEqual({ maxPerHost: 4, allowPrivate: '' });
		expect(config.retention).toEqual({ successDays: 7, failedDays: 30 });
		expect(config.logLevel).toBe('info');
	});

	it('let payloads be kept for ever', () => {
		const days = { PAYLOAD_RETENTION_SUCCESS_DAYS: '0', PAYLOAD_RETENTION_FAILED_DAYS: '365' };

		expect(read(days).retention).toEqual({ successDays: 0, failedDays: 365 });
		expect(faultsOf({ PAYLOAD_RETENTION_SUCCESS_DAYS: '-1' })).toEqual([
			'PAYLOAD_RETENTION_SUCCESS_DAYS must be at least 0.',
		]);
	});

	it('report every fault at once', () => {
		const faults = faultsOf({
			WHATISUP_PORT: '70000',
			MAX_SESSIONS_PER_WORKER: 'many',
			LOG_LEVEL: 'loud',
			WEBHOOK_ALLOW_PRIVATE: 'n8n:5678,*',
			WHATSAPP_SOCKET_URL: 'https://web.whatsapp.com',
			SECRETS_KEY: 'short',
		});

		expect(faults).toHaveLength(6);
		expect(faults.join('\n')).toMatch(/WHATISUP_PORT must be at most 65535/);
		expect(faults.join('\n')).toMatch(/MAX_SESSIONS_PER_WORKER must be a number/);
		expect(faults.join('\n')).toMatch(/WEBHOOK_ALLOW_PRIVATE "\*"/);
	});

	it('take an empty variable for an absent one', () => {
		expect(read({ WHATISUP_PORT: '', DATABASE_URL: '', SECRETS_KEY: '' }).http.port).toBe(3000);
	});

	it('refuse a misspelt name instead of ignoring it', () => {
		expect(faultsOf({ WHATISUP_PROT: '3000' })).toEqual([
			'WHATISUP_PROT is not a setting; see docs/configuration.md for those that are.',
		]);
	});

	it('want both secrets with Postgres, where no data directory holds them', () => {
		const DATABASE_URL = 'postgres://engine:pw@127.0.0.1/engine';

		expect(faultsOf({ DATABASE_URL })).toHaveLength(2);
		expect(faultsOf({ DATABASE_URL, SECRETS_KEY: KEY })).toEqual([
			expect.stringMatching(/^API_KEY_PEPPER must be set/),
		]);
		expect(read({ DATABASE_URL, SECRETS_KEY: KEY, API_KEY_PEPPER: KEY }).databaseUrl).toBeDefined();
	});

	it('refuse a bootstrap key of the other mode', () => {
		expect(faultsOf({ WHATISUP_LIVE_KEY: `zpk_test_${KEY}` })).toHaveLength(1);
		expect(read({ WHATISUP_TEST_KEY: `zpk_test_${KEY}` }).bootstrapKeys.test?.reveal()).toBe(
			`zpk_test_${KEY}`,
		);
	});

	it('leave threads for names whose servers are silent, unless there is a number of them', () => {
		const before = process.env['UV_THREADPOOL_SIZE'];
		const sizes = [undefined, '8'].map((size) => {
			if (size === undefined) delete process.env['UV_THREADPOOL_SIZE'];
			else process.env['UV_THREADPOOL_SIZE'] = size;
			widenThreadPool();
			return process.env['UV_THREADPOOL_SIZE'];
		});
		if (before === undefined) delete process.env['UV_THREADPOOL_SIZE'];
		else process.env['UV_THREADPOOL_SIZE'] = before;

		expect(sizes).toEqual(['64', '8']);
	});

	it('never show a secret, however they are printed', () => {
		const config = read({
			SECRETS_KEY: KEY,
			WHATISUP_LIVE_KEY: `zpk_live_${KEY}`,
			DATABASE_URL: `postgres://engine:${KEY}@127.0.0.1/engine`,
			API_KEY_PEPPER: KEY,
		});

		for (const text of [
			JSON.stringify(config),
			inspect(config, { depth: 9 }),
			`${config.secretsKey}`,
		]) {
			expect(text).not.toContain(KEY);
			expect(text).toContain('[secret]');
		}
	});
});

function read(environment: Record<string, string>): Config {
	return readConfig((text) => parseAllowList(text).faults, environment);
}

function faultsOf(environment: Record<string, string>): readonly string[] {
	try {
		read(environment);
	} catch (error) {
		if (error instanceof ConfigFault) return error.faults;
		throw error;
	}
	return [];
}

import { randomBytes } from 'node:crypto';
import pg from 'pg';

/**
 * An empty database of its own on the run's PostgreSQL server: answers with its address. Nobody
 * needs to drop it, for the server goes when the run ends.
 */
export async function freshDatabase(name = 'test'): Promise<string> {
	const address = new URL(serverAddress());
	const database = `${name}_${randomBytes(6).toString('hex')}`;
	const client = new pg.Client({ connectionString: address.href });
	await client.connect();
	try {
		await client.query(`create database ${client.escapeIdentifier(database)}`);
	} finally {
		await client.end();
	}
	address.pathname = `/${database}`;
	return address.href;
}

function serverAddress(): string {
	const address = process.env['WHATISUP_TEST_POSTGRES'];
	if (address === undefined) {
		throw new Error('No PostgreSQL runs: jest starts it for the tests of the "engine" project.');
	}
	return address;
}

import { describe, expect, it } from '@jest/globals';
import { Curve } from '@whiskeysockets/baileys';
import { until, type BaileysClient } from '../../support/baileys-client.ts';
import { ANA, Harness, SHOP } from './harness.ts';

describe('pairing with the simulated network', () => {
	const harness = new Harness();

	it('links a client whose QR is scanned, which then logs in', async () => {
		const paired: unknown[] = [];
		harness.network.on('paired', (device) => paired.push(device));

		const client = await harness.paired('shop', SHOP, 'Shop');

		expect(client.closes).toEqual([515]);
		expect(client.creds.me).toMatchObject({ id: `${SHOP}:1@s.whatsapp.net`, name: 'Shop' });
		expect(client.creds.me?.lid).toMatch(/^\d{15}:1@lid$/);
		expect(paired).toEqual([expect.objectContaining({ label: 'shop', phoneNumber: SHOP })]);
		const [device] = harness.network.devices();
		expect(device).toMatchObject({ label: 'shop', phoneNumber: SHOP, connected: true });
	});

	it('makes up a phone number when none is given', async () => {
		const client = harness.client().connect(harness.network.url);

		const { phoneNumber, label } = await harness.network.scanQr(await client.qr());
		await client.closed();

		expect(phoneNumber).toMatch(/^\d{13}$/);
		expect(label).toBeNull();
	});

	it('accepts a QR that the client has already replaced by a newer one', async () => {
		const client = harness.client().connect(harness.network.urlFor('shop'), { qrTimeout: 50 });
		await until(() => client.qrs.length === 3);

		await harness.network.scanQr(client.qrs[0]!, { phoneNumber: SHOP });

		expect(await client.closed()).toBe(515);
	});

	it('lets a client without a phone run out of QRs', async () => {
		const client = harness.client().connect(harness.network.urlFor('shop'), { qrTimeout: 10 });

		expect(await client.closed()).toBe(408);
		expect(client.qrs).toHaveLength(6);
		await expect(harness.network.scanQr(client.qrs[0]!)).rejects.toMatchObject({
			code: 'qr_unknown',
		});
	});

	it('refuses texts that are not the QR of a waiting client', async () => {
		const client = harness.client().connect(harness.network.urlFor('shop'));
		const [ref, , ...rest] = (await client.qr()).split(',');
		const otherKey = Buffer.from(Curve.generateKeyPair().public).toString('base64');

		const scan = (code: string) => harness.network.scanQr(code);

		await expect(scan('https://example.com')).rejects.toMatchObject({ code: 'qr_malformed' });
		await expect(scan('a,b,c,d')).rejects.toMatchObject({ code: 'qr_unknown' });
		await expect(scan([ref, otherKey, ...rest].join(','))).rejects.toMatchObject({
			code: 'qr_unknown',
		});
	});

	it('links several clients to one account', async () => {
		await harness.paired('till', SHOP);
		const second = await harness.paired('office', SHOP);

		expect(second.creds.me?.id).toBe(`${SHOP}:2@s.whatsapp.net`);
		expect(harness.network.devices().map(({ label }) => label)).toEqual(['till', 'office']);
	});

	it('links a client by its pairing code, however it is typed', async () => {
		const client = await waitingForCode('ABCD1234');

		const code = { phoneNumber: SHOP, code: 'abcd-1234', pushName: 'Shop' };
		const device = await harness.network.enterPairingCode(code);

		expect(device).toMatchObject({ label: 'shop', phoneNumber: SHOP });
		expect(await client.closed()).toBe(515);
		client.connect(harness.network.urlFor('shop'));
		await client.open();
		expect(client.creds.registered).toBe(true);
	});

	it('notices a wrong pairing code, after which the right one still works', async () => {
		const client = await waitingForCode('ABCD1234');

		const enter = (code: string) => harness.network.enterPairingCode({ phoneNumber: SHOP, code });

		await expect(enter('ABCD1235')).rejects.toMatchObject({ code: 'pairing_code_wrong' });
		expect(client.state).toBe('connecting');
		await expect(enter('ABCD1234')).resolves.toMatchObject({ phoneNumber: SHOP });
		expect(await client.closed()).toBe(515);
	});

	it('knows pairing codes only for numbers that a client has asked for', async () => {
		await waitingForCode('ABCD1234');

		const entered = harness.network.enterPairingCode({ phoneNumber: ANA, code: 'ABCD1234' });

		await expect(entered).rejects.toMatchObject({ code: 'pairing_code_not_requested' });
	});

	it('tells the phone when the client goes away in the middle', async () => {
		const client = harness.client().connect(harness.network.urlFor('shop'));
		const code = await client.qr();
		harness.network.intercept((_connection, node) => node.attrs['type'] === 'result');

		const scanned = harness.network.scanQr(code);
		harness.network.fault('shop', 'connection_lost');

		await expect(scanned).rejects.toMatchObject({ code: 'pairing_abandoned' });
	});

	it('refuses the login of a device with another key', async () => {
		const client = await harness.paired();
		await client.end();
		Object.assign(client.creds, { noiseKey: Curve.generateKeyPair() });

		client.connect(harness.network.urlFor('shop'));

		expect(await client.closed()).toBe(401);
	});

	it('forgets a device that logs out', async () => {
		const client = await harness.paired();

		await client.socket.logout();

		await until(() => harness.network.devices().length === 0);
		client.connect(harness.network.urlFor('shop'));
		await client.closed();
		expect(client.closes.at(-1)).toBe(401);
	});

	async function waitingForCode(code: string): Promise<BaileysClient> {
		const client = harness.client().connect(harness.network.urlFor('shop'));
		await client.qr();
		let hasAsked = false;
		harness.network.intercept((_connection, node) => {
			hasAsked ||= JSON.stringify(node).includes('companion_hello');
			return false;
		});
		await client.socket.requestPairingCode(SHOP, code);
		await until(() => hasAsked);
		return client;
	}
});

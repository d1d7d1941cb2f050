import { describe, expect, it } from '@jest/globals';
import { WhatIsUpApi } from '../../credentials/WhatIsUpApi.credentials';

const credential = new WhatIsUpApi();

describe('the credential', () => {
	it('points to the bundled engine unless told otherwise', () => {
		expect(field('baseUrl')).toMatchObject({ default: 'http://127.0.0.1:3000', required: true });
	});

	it('hides the API key and has no default for it', () => {
		expect(field('apiKey')).toMatchObject({
			typeOptions: { password: true },
			default: '',
			required: true,
		});
	});

	it('says where the key is found', () => {
		expect(field('apiKey')?.hint).toMatch(/prints both keys once.*dashboard/);
	});

	it('sends the key as a bearer token', () => {
		expect(credential.authenticate.properties.headers).toEqual({
			Authorization: '=Bearer {{$credentials.apiKey}}',
		});
	});

	it('is tested with a request that changes nothing', () => {
		expect(credential.test.request).toEqual({
			baseURL: '={{$credentials.baseUrl}}',
			url: '/v1/instances',
			qs: { limit: 1 },
		});
	});

	it('fails its test when what answers is no list, as another server would', () => {
		const [rule] = credential.test.rules ?? [];

		expect(rule).toEqual({
			type: 'responseSuccessBody',
			properties: {
				key: 'data',
				value: undefined,
				message: expect.stringContaining('is not WhatIsUp'),
			},
		});
	});
});

function field(name: string) {
	return credential.properties.find((property) => property.name === name);
}

import type {
	IAuthenticateGeneric,
	Icon,
	ICredentialTestRequest,
	ICredentialType,
	INodeProperties,
} from 'n8n-workflow';

export class WhatIsUpApi implements ICredentialType {
	name = 'whatIsUpApi';

	displayName = 'WhatIsUp API';

	icon: Icon = {
		light: 'file:../icons/whatisup.svg',
		dark: 'file:../icons/whatisup.dark.svg',
	};

	documentationUrl = 'https://whatisup.dev/docs';

	properties: INodeProperties[] = [
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			default: 'http://127.0.0.1:3000',
			placeholder: 'e.g. http://127.0.0.1:3000',
			required: true,
			description:
				'Where WhatIsUp answers. The bundled engine: http://127.0.0.1:3000. Hosted WhatIsUp: https://api.whatisup.dev.',
			hint: 'If n8n runs in Docker, 127.0.0.1 is n8n itself. Use the name of the container or machine of the engine, such as http://host.docker.internal:3000.',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description:
				'A key that starts with zpk_test_ works on a simulated WhatsApp, without a phone. One that starts with zpk_live_ works on the real one.',
			hint: 'The engine prints both keys once, at its first start. For hosted WhatIsUp, copy it from your dashboard.',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: {
			headers: { Authorization: '=Bearer {{$credentials.apiKey}}' },
		},
	};

	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{$credentials.baseUrl}}',
			url: '/v1/instances',
			qs: { limit: 1 },
		},
		rules: [
			{
				type: 'responseSuccessBody',
				properties: {
					// An answer without a list comes from another server, such as n8n itself.
					key: 'data',
					value: undefined,
					message: 'What answers at the Base URL is not WhatIsUp. Check the host and the port.',
				},
			},
		],
	};
}

import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Instances } from '../../app/instances.ts';
import { pngUrl, type QrCode } from '../../app/held-sessions.ts';
import type { InstanceId } from '../../domain/ids.ts';
import { id, Instant, InstanceParams, toInstant } from '../schemas.ts';

const Format = z.strictObject({ format: z.enum(['json', 'png']).default('json') });

const QrJson = z
	.object({
		instance_id: id('inst'),
		qr: z.string().describe('The picture, as a `data:image/png;base64,…` URL'),
		code: z.string().describe('What the picture says'),
		expires_at: Instant.describe('When WhatsApp replaces it by the next one'),
	})
	.meta({ id: 'QrCode' });

const Png = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** `/v1/instances/:instance_id/qr`: the code that a phone scans to be linked. */
export function qrRoutes(instances: Instances): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.get(
			'/instances/:instance_id/qr',
			{
				config: { errors: ['instance_not_found', 'no_qr', 'worker_at_capacity'] },
				schema: {
					tags: ['Instances'],
					operationId: 'getQrCode',
					summary: 'Get the QR code',
					description:
						'Starts an instance that was not paired yet, and waits up to 10 seconds for the code.',
					params: InstanceParams,
					querystring: Format,
					response: {
						200: {
							description: 'The code, or with `format=png` the picture itself',
							content: {
								'application/json': { schema: QrJson },
								'image/png': { schema: Png },
							},
						},
					},
				},
			},
			async ({ scope, params, query }, reply) => {
				const code = await instances.qr(scope, params.instance_id);
				return query.format === 'png'
					? reply.type('image/png').send(code.png)
					: reply.send(toJson(params.instance_id, code));
			},
		);
		done();
	};
}

function toJson(instanceId: InstanceId, { code, expiresAt, png }: QrCode): z.output<typeof QrJson> {
	return { instance_id: instanceId, qr: pngUrl(png), code, expires_at: toInstant(expiresAt) };
}

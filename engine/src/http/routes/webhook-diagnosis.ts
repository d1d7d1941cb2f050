import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Diagnosis, DiagnosisReport } from '../../app/diagnosis.ts';
import { CHECK_NAMES } from '../../domain/diagnosis.ts';
import { id, Instant, toInstant } from '../schemas.ts';

const FindingJson = z
	.object({
		check: z.string().describe(`One of ${CHECK_NAMES.map((name) => `\`${name}\``).join(', ')}`),
		severity: z
			.enum(['ok', 'info', 'warning', 'error'])
			.describe('`error`: events do not arrive, or are not accepted, until somebody mends it'),
		message: z.string().describe('What was found, for people'),
		evidence: z
			.record(z.string(), z.unknown())
			.describe('Figures and instants behind it; they depend on the check'),
		fix: z.string().nullable().describe('What to do about it, for people'),
	})
	.meta({ id: 'Finding' });

const DiagnosisJson = z
	.object({
		endpoint_id: id('wh'),
		checked_at: Instant,
		healthy: z.boolean().describe('Whether no finding is an `error`'),
		findings: z.array(FindingJson).describe('One for each check, always in the same order'),
	})
	.meta({ id: 'WebhookDiagnosis' });

/** What is wrong with an endpoint. */
export function webhookDiagnosisRoutes(diagnosis: Diagnosis): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.get(
			'/webhook-endpoints/:endpoint_id/diagnose',
			{
				config: { errors: ['endpoint_not_found'] },
				schema: {
					tags: ['Webhook endpoints'],
					operationId: 'diagnoseWebhookEndpoint',
					summary: 'Find out what is wrong with a webhook endpoint',
					description:
						'Sends the receiver one signed `webhook.test`, looks at the deliveries and filters of the endpoint, and says what is wrong and what to do. Takes up to 20 seconds when the receiver does not answer. A check that cannot be made says so.',
					params: z.object({ endpoint_id: id('wh') }),
					response: { 200: DiagnosisJson },
				},
			},
			async ({ scope, params }) => toJson(await diagnosis.examine(scope, params.endpoint_id)),
		);
		done();
	};
}

function toJson(report: DiagnosisReport): z.output<typeof DiagnosisJson> {
	return {
		endpoint_id: report.endpointId,
		checked_at: toInstant(report.checkedAt),
		healthy: report.healthy,
		findings: report.findings.map((finding) => ({ ...finding })),
	};
}

/**
 * What to do about a refusal, in words that fit n8n.
 *
 * The engine's hints are written for whoever calls its API. Most read well in n8n, too, and those
 * that depend on the case at hand know more than any table. So a hint is replaced only when it
 * speaks of routes, headers and fields that nobody sees in n8n.
 */
export function hintFor(code: string | undefined, hint: string | undefined): string | undefined {
	const own = code === undefined ? undefined : OWN_HINTS[code];
	return hint === undefined || OF_THE_API.test(hint) ? (own ?? hint) : hint;
}

const OF_THE_API =
	/\b(GET|POST|PATCH|PUT|DELETE)\b|\/v1\/|openapi|Authorization|Bearer|Content-Type|Retry-After|fail_fast|the field "/;

const CHECK_KEY =
	'Check the API Key in the credential: it begins with zpk_test_ or zpk_live_ and must be whole.';

const OWN_HINTS: Readonly<Record<string, string>> = {
	auth_missing: CHECK_KEY,
	auth_malformed: CHECK_KEY,
	auth_invalid: CHECK_KEY,
	instance_not_found:
		'Pick the instance from the list. Test keys see test instances only, live keys live ones.',
	endpoint_not_found:
		'Pick the webhook endpoint from the list. If it is the one of a trigger, deactivate its workflow and activate it again.',
	endpoint_disabled:
		'Webhook Endpoint > Get tells why (disabled_reason). Mend that, then use Webhook Endpoint > Enable.',
	payload_expired:
		'What was sent is kept for a while only, which is a setting of the engine, so it cannot be sent again.',
	replay_not_found: 'Use the ID that Replay or Recover gave back, with the same webhook endpoint.',
	replay_running:
		'Wait for the replay in the details to end (Webhook Endpoint > Get Replay), or use Cancel Replay.',
	delivery_not_found: 'Use an ID that Delivery > Get Many lists.',
	route_not_found:
		'Check the Base URL in the credential. If it is right, the engine is older than this node: update it.',
	too_many_restarts:
		'WhatsApp throttles accounts that reconnect in a hurry. Put a Wait node before the next try.',
	group_not_found:
		'Set the Group of the accounts that shall stand in for each other: Instance > Update.',
	not_connected:
		'Start the account and scan its QR code, or turn off Fail If Not Connected to let the message wait.',
	unsupported_media_type: 'Check that nothing between n8n and the engine changes the request.',
};

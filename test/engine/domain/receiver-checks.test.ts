import { describe, expect, it } from '@jest/globals';
import { diagnose } from '../../../engine/src/domain/diagnosis.ts';
import {
	answered,
	ENDPOINT,
	examine,
	failed,
	HEALTHY,
	MINUTE,
	NOON,
	DAY,
	receiver,
	refused,
	said,
	SECOND,
	type Row,
} from './diagnosis-cases.ts';

describe('the diagnosis', () => {
	it.each<Row>([
		[
			'must not be called',
			refused('address_not_allowed', 'Add 10.0.0.1:80 to WEBHOOK_ALLOW_PRIVATE.'),
			'url_allowed',
			'error',
			/may not be sent.*WEBHOOK_ALLOW_PRIVATE/,
		],
		[
			'moved to a private address',
			failed('blocked'),
			'url_allowed',
			'error',
			/leads to an address/,
		],
		[
			'has no address',
			refused('host_not_found', 'Check it.'),
			'name_resolves',
			'error',
			/no address. Check it/,
		],
		['lost its address', failed('dns_failed'), 'name_resolves', 'error', /no address/],
		[
			'is an address itself',
			receiver({ addressCount: null }),
			'name_resolves',
			'ok',
			/holds an address/,
		],
		['has an expired certificate', tls('CERT_HAS_EXPIRED'), 'tls_valid', 'error', /expired.*Renew/],
		[
			'signed its own',
			tls('DEPTH_ZERO_SELF_SIGNED_CERT'),
			'tls_valid',
			'error',
			/self-signed.*authority/,
		],
		[
			'has another name',
			tls('ERR_TLS_CERT_ALTNAME_INVALID'),
			'tls_valid',
			'error',
			/another host name/,
		],
		['forgot a link', tls('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls_valid', 'error', /full chain/],
		['speaks no TLS', tls('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls_valid', 'error', /no TLS/],
		[
			'fails in its own way',
			tls('ERR_SSL_UNHEARD_OF'),
			'tls_valid',
			'error',
			/handshake was refused/,
		],
		[
			'must renew soon',
			receiver({ certificate: { endsAt: NOON + 13.5 * DAY } }),
			'tls_valid',
			'warning',
			/ends in 13 days/,
		],
		[
			'renewed in time',
			receiver({ certificate: { endsAt: NOON + 14 * DAY } }),
			'tls_valid',
			'ok',
			/valid/,
		],
		[
			'talks in clear text',
			{ endpoint: { ...ENDPOINT, url: 'http://10.0.0.9/' } },
			'tls_valid',
			'info',
			/http/,
		],
		['is slow', answered({ latencyMs: 5_100 }), 'answers', 'warning', /5.1 seconds.*Immediately/],
		['is as slow as may be', answered({ latencyMs: 5_000 }), 'answers', 'ok', /answered 200/],
		['answers 404', answered({ status: 404 }), 'answers', 'error', /answered 404.*Mend it/],
		['answers 401', answered({ status: 401 }), 'answers', 'error', /another secret.*Mend it/],
		['answers 403', answered({ status: 403 }), 'answers', 'error', /another secret.*Mend it/],
		['answers 410', answered({ status: 410 }), 'answers', 'error', /answered 410/],
		[
			'moved',
			answered({ status: 301, location: 'https://new.example/in' }),
			'answers',
			'error',
			/a redirect to https:\/\/new.example\/in/,
		],
		['redirects nowhere', answered({ status: 302 }), 'answers', 'error', /answered 302/],
		['cannot be reached', failed('connect_failed'), 'answers', 'error', /cannot be reached/],
		['hangs', failed('timeout'), 'answers', 'error', /not answer in time/],
		['speaks no HTTP', failed('no_answer'), 'answers', 'error', /valid HTTP/],
		['cannot be asked while the engine stops', failed('aborted'), 'answers', 'info', /Not checked/],
		['is a minute off', answered({ date: NOON + MINUTE }), 'clock_skew', 'ok', /agrees/],
		[
			'is ahead',
			answered({ date: NOON + 61 * SECOND }),
			'clock_skew',
			'warning',
			/61 seconds ahead.*NTP/,
		],
		[
			'is behind',
			answered({ date: NOON - 300 * SECOND }),
			'clock_skew',
			'warning',
			/300 seconds behind/,
		],
		[
			'lives in the past',
			answered({ date: NOON - 301 * SECOND }),
			'clock_skew',
			'error',
			/every signature/,
		],
		['hides its clock', answered({ date: null }), 'clock_skew', 'info', /no Date header/],
	])('of a receiver that %s', (_, facts, check, severity, text) => {
		const finding = examine(facts, check);

		expect(finding).toMatchObject({ severity });
		expect(said(finding)).toMatch(text);
	});

	it.each([
		[
			'refused',
			refused('address_not_allowed', ''),
			['name_resolves', 'tls_valid', 'answers', 'clock_skew'],
		],
		['unresolved', refused('host_not_found', ''), ['tls_valid', 'answers', 'clock_skew']],
		['blocked late', failed('blocked'), ['tls_valid', 'answers', 'clock_skew']],
		['unreachable', failed('connect_failed'), ['tls_valid', 'clock_skew']],
	])('says which checks a %s receiver has kept from being made', (_, facts, checks) => {
		const findings = diagnose({ ...HEALTHY, ...facts });

		const unmade = findings.filter(({ message }) => message.startsWith('Not checked.'));
		expect(unmade.map(({ check }) => check)).toEqual(checks);
		expect(unmade.map(({ severity }) => severity)).toEqual(checks.map(() => 'info'));
	});
});

function tls(code: string) {
	return failed('tls_failed', code);
}

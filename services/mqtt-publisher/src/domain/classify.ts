import type { StatusClass, StatusCode, StatusReason } from '@gatecast/shared/model';
import { CLOSED_UNANSWERED, type Failure, REFUSED_WITHOUT_CERTIFICATE, TIMED_OUT } from './failure.ts';

/** The part of a status that a cause decides. */
export interface Verdict {
  code: StatusCode;
  class: StatusClass;
  reason: StatusReason;
  message: string;
}

type Row = readonly [StatusCode, StatusClass, StatusReason, string];

const REFUSED = 'MQTT_ERROR_CONN_REFUSED';
const AUTH = 'MQTT_ERROR_AUTH_FAILED';
const UNREACHABLE = 'MQTT_ERROR_HOST_UNREACHABLE';
const DISCONNECTED = 'MQTT_ERROR_UNEXP_DISCONN';

/** Maps what happened to what is said about it: the one place that decides code, class and reason. Pure. */
export function classify(failure: Failure): Verdict {
  const [code, statusClass, reason, message] = row(failure);
  return { code, class: statusClass, reason, message };
}

function row(failure: Failure): Row {
  switch (failure.phase) {
    case 'settings':
      return failure.kind === 'secret_unreadable'
        ? [AUTH, 'platform', 'secret_unreadable', `A stored secret cannot be opened: ${failure.detail}.`]
        : [AUTH, 'user', 'credentials_invalid', `Certificate or key cannot be used: ${failure.detail}.`];
    case 'resolve':
      return (
        RESOLVE[failure.code] ?? [
          UNREACHABLE,
          'remote',
          'dns_failed',
          `The host name could not be resolved (${failure.code}).`,
        ]
      );
    case 'policy':
      return [UNREACHABLE, 'user', 'address_denied', `Connections to ${failure.address} are not allowed here.`];
    case 'tcp':
      return (
        TCP[failure.code] ?? [
          UNREACHABLE,
          'remote',
          'network_unreachable',
          `No connection to the host (${failure.code}).`,
        ]
      );
    case 'tls':
      return tls(failure.code, failure.detail);
    case 'connack':
      if (failure.kind === 'refused') return connack(failure.reasonCode, failure.protocolVersion);
      return CONNACK_MISSING[failure.kind];
    case 'session':
      if (failure.kind === 'disconnected') return disconnect(failure.reasonCode);
      return SESSION[failure.kind];
    case 'publish':
      return publish(failure.reasonCode);
    case 'poison':
      return POISON;
  }
}

const RESOLVE: Record<string, Row> = {
  ENOTFOUND: [UNREACHABLE, 'user', 'dns_not_found', 'The host name does not exist.'],
  ENODATA: [UNREACHABLE, 'user', 'dns_not_found', 'The host name has no address.'],
};

const TCP: Record<string, Row> = {
  ECONNREFUSED: [REFUSED, 'remote', 'connection_refused', 'Nothing listens on this port of the host.'],
  ECONNRESET: [REFUSED, 'remote', 'connection_refused', 'The host cut the connection.'],
  ETIMEDOUT: [UNREACHABLE, 'remote', 'connect_timeout', 'The host does not answer.'],
  [TIMED_OUT]: [UNREACHABLE, 'remote', 'connect_timeout', 'The host does not answer.'],
};

const UNTRUSTED: Row = [
  UNREACHABLE,
  'user',
  'tls_untrusted_ca',
  "The broker's certificate is not signed by a trusted CA.",
];
const EXPIRED: Row = [UNREACHABLE, 'remote', 'tls_expired', "The broker's certificate is not valid at this time."];

const CERTIFICATE_REQUIRED: Row = [
  AUTH,
  'user',
  'client_certificate_required',
  'The broker demands a client certificate.',
];

const TLS: Record<string, Row> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  INVALID_CA: UNTRUSTED,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  ERR_TLS_CERT_ALTNAME_INVALID: [
    UNREACHABLE,
    'user',
    'tls_wrong_name',
    "The broker's certificate is for another name.",
  ],
  ERR_SSL_WRONG_VERSION_NUMBER: [REFUSED, 'user', 'not_tls', 'The port does not speak TLS.'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: [REFUSED, 'user', 'not_tls', 'The port does not speak TLS.'],
  // What a plain broker does with a greeting that it cannot read.
  [CLOSED_UNANSWERED]: [REFUSED, 'user', 'not_tls', 'The port does not seem to speak TLS: it closed the connection.'],
  ECONNRESET: [REFUSED, 'remote', 'closed_before_connack', 'The host cut the connection during the TLS handshake.'],
  [REFUSED_WITHOUT_CERTIFICATE]: CERTIFICATE_REQUIRED,
  [TIMED_OUT]: [UNREACHABLE, 'remote', 'tls_timeout', 'The TLS handshake was not answered in time.'],
};

/** Alerts in which a broker refuses our certificate, RFC 8446 section 6.2 (OpenSSL's names for them). */
const CERTIFICATE_ALERT =
  /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED)$/;

function tls(code: string, detail: string): Row {
  const known = TLS[code];
  if (known) return known;
  if (code.endsWith('ALERT_CERTIFICATE_REQUIRED')) {
    return CERTIFICATE_REQUIRED;
  }
  if (CERTIFICATE_ALERT.test(code)) {
    return [AUTH, 'user', 'client_certificate_refused', 'The broker does not accept the client certificate.'];
  }
  return [UNREACHABLE, 'remote', 'tls_failed', `The TLS handshake failed: ${detail}.`];
}

/** Whether a socket error is the peer's refusal of our certificate, which TLS 1.3 tells only after the handshake. */
export function isTlsAlert(code: string): boolean {
  return code.startsWith('ERR_SSL_') && code.includes('_ALERT_');
}

const CONNACK_MISSING: Record<'timeout' | 'closed' | 'not_mqtt', Row> = {
  timeout: [UNREACHABLE, 'remote', 'connack_timeout', 'The host accepts connections but does not answer as a broker.'],
  closed: [REFUSED, 'remote', 'closed_before_connack', 'The host closed the connection without answering.'],
  not_mqtt: [REFUSED, 'user', 'not_mqtt', 'What answers on this port is not an MQTT broker.'],
};

/** [MQTT-3.2.2.3] of MQTT 3.1.1. */
const RETURN_CODES: Record<number, Row> = {
  1: [REFUSED, 'user', 'protocol_version_refused', 'The broker does not support this MQTT version.'],
  2: [REFUSED, 'user', 'client_id_refused', 'The broker does not accept this client id.'],
  3: [REFUSED, 'remote', 'server_unavailable', 'The broker says that it is not available.'],
  4: [AUTH, 'user', 'bad_credentials', 'User name or password is wrong.'],
  5: [AUTH, 'user', 'not_authorized', 'The broker does not let this client in.'],
};

/** Section 3.2.2.2 of MQTT 5. */
const REASON_CODES: Record<number, Row> = {
  132: [REFUSED, 'user', 'protocol_version_refused', 'The broker does not support this MQTT version.'],
  133: [REFUSED, 'user', 'client_id_refused', 'The broker does not accept this client id.'],
  134: [AUTH, 'user', 'bad_credentials', 'User name or password is wrong.'],
  135: [AUTH, 'user', 'not_authorized', 'The broker does not let this client in.'],
  136: [REFUSED, 'remote', 'server_unavailable', 'The broker says that it is not available.'],
  137: [REFUSED, 'remote', 'server_busy', 'The broker says that it is busy.'],
  138: [REFUSED, 'user', 'banned', 'The broker has banned this client.'],
  140: [AUTH, 'user', 'not_authorized', 'The broker demands another authentication method.'],
  144: [REFUSED, 'user', 'will_refused', 'The broker does not accept the topic of the will.'],
  149: [REFUSED, 'user', 'packet_too_large', 'The broker does not accept packets as large as this CONNECT.'],
  151: [REFUSED, 'remote', 'quota_exceeded', 'A quota of the broker is exceeded.'],
  153: [REFUSED, 'user', 'will_refused', 'The broker does not accept the payload of the will.'],
  154: [
    REFUSED,
    'user',
    'retain_not_supported',
    'The broker does not support retained messages; switch LWT retain off.',
  ],
  155: [REFUSED, 'user', 'qos_not_supported', 'The broker does not support the QoS of the will.'],
  156: [REFUSED, 'user', 'use_another_server', 'The broker asks to use another server for now.'],
  157: [REFUSED, 'user', 'use_another_server', 'The broker has moved for good.'],
  159: [REFUSED, 'remote', 'connection_rate_exceeded', 'Too many connections at a time for this broker.'],
};

function connack(reasonCode: number, protocolVersion: 4 | 5): Row {
  const table = protocolVersion === 5 && reasonCode >= 128 ? REASON_CODES : RETURN_CODES;
  return (
    table[reasonCode] ?? [REFUSED, 'remote', 'refused_by_broker', `The broker refused with code ${hex(reasonCode)}.`]
  );
}

const SESSION: Record<'closed' | 'reset' | 'keep_alive_timeout' | 'ack_timeout' | 'protocol_error', Row> = {
  closed: [DISCONNECTED, 'remote', 'closed_by_broker', 'The broker closed the connection.'],
  reset: [DISCONNECTED, 'remote', 'connection_reset', 'The connection was cut.'],
  keep_alive_timeout: [DISCONNECTED, 'remote', 'keep_alive_timeout', 'The broker did not answer a PINGREQ.'],
  ack_timeout: [DISCONNECTED, 'remote', 'ack_timeout', 'The broker stopped acknowledging messages.'],
  protocol_error: [DISCONNECTED, 'remote', 'protocol_error', 'The broker sent something that is not MQTT.'],
};

/** DISCONNECT of MQTT 5, section 3.14.2.1. */
const DISCONNECT_CODES: Record<number, Row> = {
  135: [AUTH, 'user', 'not_authorized', 'The broker no longer lets this client in.'],
  137: [DISCONNECTED, 'remote', 'server_busy', 'The broker says that it is busy.'],
  139: [DISCONNECTED, 'remote', 'server_shutting_down', 'The broker is shutting down.'],
  141: [DISCONNECTED, 'remote', 'keep_alive_timeout', 'The broker says that the client kept silent too long.'],
  142: [DISCONNECTED, 'user', 'session_taken_over', 'Another client connected with the same client id.'],
  149: [DISCONNECTED, 'user', 'packet_too_large', 'A message is larger than the broker accepts.'],
  151: [DISCONNECTED, 'remote', 'quota_exceeded', 'A quota of the broker is exceeded.'],
  154: [DISCONNECTED, 'user', 'retain_not_supported', 'The broker does not support retained messages.'],
  155: [DISCONNECTED, 'user', 'qos_not_supported', 'The broker does not support the QoS of the messages.'],
  156: [DISCONNECTED, 'user', 'use_another_server', 'The broker asks to use another server for now.'],
  157: [DISCONNECTED, 'user', 'use_another_server', 'The broker has moved for good.'],
};

function disconnect(reasonCode: number): Row {
  return (
    DISCONNECT_CODES[reasonCode] ?? [
      DISCONNECTED,
      'remote',
      'disconnected_by_broker',
      `The broker ended the session with reason ${hex(reasonCode)}.`,
    ]
  );
}

const POISON: Row = [
  DISCONNECTED,
  'remote',
  'message_set_aside',
  'The broker ended the session each time it was sent one certain message: it is set aside.',
];

/** Section 3.4.2.1 of MQTT 5. */
function publish(reasonCode: number): Row {
  if (reasonCode === 135) {
    return [AUTH, 'user', 'publish_not_authorized', 'The broker does not let this client publish to its topics.'];
  }
  if (reasonCode === 149) {
    return [REFUSED, 'user', 'packet_too_large', 'A message is larger than the broker accepts: it is set aside.'];
  }
  return [REFUSED, 'remote', 'publish_refused', `The broker refuses messages with reason ${hex(reasonCode)}.`];
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}

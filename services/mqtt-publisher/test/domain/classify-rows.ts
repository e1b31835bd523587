import type { StatusClass, StatusCode, StatusReason } from '@gatecast/shared/model';
import type { Failure } from '../../src/domain/failure.ts';

type Row = readonly [Failure, StatusCode, StatusClass, StatusReason];

const REFUSED = 'MQTT_ERROR_CONN_REFUSED';
const AUTH = 'MQTT_ERROR_AUTH_FAILED';
const UNREACHABLE = 'MQTT_ERROR_HOST_UNREACHABLE';
const DISCONNECTED = 'MQTT_ERROR_UNEXP_DISCONN';

const tls = (code: string): Failure => ({ phase: 'tls', code, detail: 'detail' });
const mqtt3 = (reasonCode: number): Failure => ({ phase: 'connack', kind: 'refused', reasonCode, protocolVersion: 4 });
const mqtt5 = (reasonCode: number): Failure => ({ phase: 'connack', kind: 'refused', reasonCode, protocolVersion: 5 });
const disconnected = (reasonCode: number): Failure => ({ phase: 'session', kind: 'disconnected', reasonCode });

/** Everything that can go wrong, and what is said about it. */
export const ROWS: readonly Row[] = [
  [{ phase: 'settings', kind: 'secret_unreadable', detail: 'd' }, AUTH, 'platform', 'secret_unreadable'],
  [{ phase: 'settings', kind: 'credentials_invalid', detail: 'd' }, AUTH, 'user', 'credentials_invalid'],

  [{ phase: 'resolve', code: 'ENOTFOUND' }, UNREACHABLE, 'user', 'dns_not_found'],
  [{ phase: 'resolve', code: 'ENODATA' }, UNREACHABLE, 'user', 'dns_not_found'],
  [{ phase: 'resolve', code: 'EAI_AGAIN' }, UNREACHABLE, 'remote', 'dns_failed'],
  [{ phase: 'resolve', code: 'TIMED_OUT' }, UNREACHABLE, 'remote', 'dns_failed'],
  [{ phase: 'policy', address: '127.0.0.1' }, UNREACHABLE, 'user', 'address_denied'],

  [{ phase: 'tcp', code: 'ECONNREFUSED' }, REFUSED, 'remote', 'connection_refused'],
  [{ phase: 'tcp', code: 'ECONNRESET' }, REFUSED, 'remote', 'connection_refused'],
  [{ phase: 'tcp', code: 'ETIMEDOUT' }, UNREACHABLE, 'remote', 'connect_timeout'],
  [{ phase: 'tcp', code: 'TIMED_OUT' }, UNREACHABLE, 'remote', 'connect_timeout'],
  [{ phase: 'tcp', code: 'ENETUNREACH' }, UNREACHABLE, 'remote', 'network_unreachable'],
  [{ phase: 'tcp', code: 'EHOSTUNREACH' }, UNREACHABLE, 'remote', 'network_unreachable'],

  [tls('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), UNREACHABLE, 'user', 'tls_untrusted_ca'],
  [tls('UNABLE_TO_GET_ISSUER_CERT'), UNREACHABLE, 'user', 'tls_untrusted_ca'],
  [tls('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), UNREACHABLE, 'user', 'tls_untrusted_ca'],
  [tls('SELF_SIGNED_CERT_IN_CHAIN'), UNREACHABLE, 'user', 'tls_untrusted_ca'],
  [tls('DEPTH_ZERO_SELF_SIGNED_CERT'), UNREACHABLE, 'user', 'tls_untrusted_ca'],
  [tls('CERT_SIGNATURE_FAILURE'), UNREACHABLE, 'user', 'tls_untrusted_ca'],
  [tls('INVALID_CA'), UNREACHABLE, 'user', 'tls_untrusted_ca'],
  [tls('CERT_HAS_EXPIRED'), UNREACHABLE, 'remote', 'tls_expired'],
  [tls('CERT_NOT_YET_VALID'), UNREACHABLE, 'remote', 'tls_expired'],
  [tls('ERR_TLS_CERT_ALTNAME_INVALID'), UNREACHABLE, 'user', 'tls_wrong_name'],
  [tls('ERR_SSL_WRONG_VERSION_NUMBER'), REFUSED, 'user', 'not_tls'],
  [tls('ERR_SSL_PACKET_LENGTH_TOO_LONG'), REFUSED, 'user', 'not_tls'],
  [tls('CLOSED_UNANSWERED'), REFUSED, 'user', 'not_tls'],
  [tls('ECONNRESET'), REFUSED, 'remote', 'closed_before_connack'],
  [tls('TIMED_OUT'), UNREACHABLE, 'remote', 'tls_timeout'],
  [tls('REFUSED_WITHOUT_CERTIFICATE'), AUTH, 'user', 'client_certificate_required'],
  [tls('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), AUTH, 'user', 'client_certificate_required'],
  [tls('ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE'), AUTH, 'user', 'client_certificate_refused'],
  [tls('ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE'), AUTH, 'user', 'client_certificate_refused'],
  [tls('ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED'), AUTH, 'user', 'client_certificate_refused'],
  [tls('ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'), AUTH, 'user', 'client_certificate_refused'],
  [tls('ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN'), AUTH, 'user', 'client_certificate_refused'],
  [tls('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), AUTH, 'user', 'client_certificate_refused'],
  [tls('ERR_SSL_TLSV1_ALERT_ACCESS_DENIED'), AUTH, 'user', 'client_certificate_refused'],
  // OpenSSL from 3.2 on names what SSL 3 began by both
  [tls('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'), AUTH, 'user', 'client_certificate_refused'],
  [tls('ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'), UNREACHABLE, 'remote', 'tls_failed'],
  [tls('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'), UNREACHABLE, 'remote', 'tls_failed'],

  [{ phase: 'connack', kind: 'timeout' }, UNREACHABLE, 'remote', 'connack_timeout'],
  [{ phase: 'connack', kind: 'closed' }, REFUSED, 'remote', 'closed_before_connack'],
  [{ phase: 'connack', kind: 'not_mqtt' }, REFUSED, 'user', 'not_mqtt'],

  // Return codes of MQTT 3.1.1, also when a broker answers an MQTT 5 CONNECT with one
  [mqtt3(1), REFUSED, 'user', 'protocol_version_refused'],
  [mqtt3(2), REFUSED, 'user', 'client_id_refused'],
  [mqtt3(3), REFUSED, 'remote', 'server_unavailable'],
  [mqtt3(4), AUTH, 'user', 'bad_credentials'],
  [mqtt3(5), AUTH, 'user', 'not_authorized'],
  [mqtt3(6), REFUSED, 'remote', 'refused_by_broker'],
  [mqtt3(0x86), REFUSED, 'remote', 'refused_by_broker'],
  [mqtt5(1), REFUSED, 'user', 'protocol_version_refused'],

  [mqtt5(0x80), REFUSED, 'remote', 'refused_by_broker'],
  [mqtt5(0x84), REFUSED, 'user', 'protocol_version_refused'],
  [mqtt5(0x85), REFUSED, 'user', 'client_id_refused'],
  [mqtt5(0x86), AUTH, 'user', 'bad_credentials'],
  [mqtt5(0x87), AUTH, 'user', 'not_authorized'],
  [mqtt5(0x88), REFUSED, 'remote', 'server_unavailable'],
  [mqtt5(0x89), REFUSED, 'remote', 'server_busy'],
  [mqtt5(0x8a), REFUSED, 'user', 'banned'],
  [mqtt5(0x8c), AUTH, 'user', 'not_authorized'],
  [mqtt5(0x90), REFUSED, 'user', 'will_refused'],
  [mqtt5(0x95), REFUSED, 'user', 'packet_too_large'],
  [mqtt5(0x97), REFUSED, 'remote', 'quota_exceeded'],
  [mqtt5(0x99), REFUSED, 'user', 'will_refused'],
  [mqtt5(0x9a), REFUSED, 'user', 'retain_not_supported'],
  [mqtt5(0x9b), REFUSED, 'user', 'qos_not_supported'],
  [mqtt5(0x9c), REFUSED, 'user', 'use_another_server'],
  [mqtt5(0x9d), REFUSED, 'user', 'use_another_server'],
  [mqtt5(0x9f), REFUSED, 'remote', 'connection_rate_exceeded'],

  [{ phase: 'session', kind: 'closed' }, DISCONNECTED, 'remote', 'closed_by_broker'],
  [{ phase: 'session', kind: 'reset' }, DISCONNECTED, 'remote', 'connection_reset'],
  [{ phase: 'session', kind: 'keep_alive_timeout' }, DISCONNECTED, 'remote', 'keep_alive_timeout'],
  [{ phase: 'session', kind: 'ack_timeout' }, DISCONNECTED, 'remote', 'ack_timeout'],
  [{ phase: 'session', kind: 'protocol_error' }, DISCONNECTED, 'remote', 'protocol_error'],
  [disconnected(0x80), DISCONNECTED, 'remote', 'disconnected_by_broker'],
  [disconnected(0x87), AUTH, 'user', 'not_authorized'],
  [disconnected(0x89), DISCONNECTED, 'remote', 'server_busy'],
  [disconnected(0x8b), DISCONNECTED, 'remote', 'server_shutting_down'],
  [disconnected(0x8d), DISCONNECTED, 'remote', 'keep_alive_timeout'],
  [disconnected(0x8e), DISCONNECTED, 'user', 'session_taken_over'],
  [disconnected(0x93), DISCONNECTED, 'remote', 'disconnected_by_broker'],
  [disconnected(0x95), DISCONNECTED, 'user', 'packet_too_large'],
  [disconnected(0x97), DISCONNECTED, 'remote', 'quota_exceeded'],
  [disconnected(0x9a), DISCONNECTED, 'user', 'retain_not_supported'],
  [disconnected(0x9b), DISCONNECTED, 'user', 'qos_not_supported'],
  [disconnected(0x9c), DISCONNECTED, 'user', 'use_another_server'],
  [disconnected(0x9d), DISCONNECTED, 'user', 'use_another_server'],

  [{ phase: 'poison' }, DISCONNECTED, 'remote', 'message_set_aside'],
  [{ phase: 'publish', reasonCode: 0x87 }, AUTH, 'user', 'publish_not_authorized'],
  [{ phase: 'publish', reasonCode: 0x90 }, REFUSED, 'remote', 'publish_refused'],
  [{ phase: 'publish', reasonCode: 0x95 }, REFUSED, 'user', 'packet_too_large'],
  [{ phase: 'publish', reasonCode: 0x97 }, REFUSED, 'remote', 'publish_refused'],
];

/** The product's own vocabulary of connection states, stable. */
export const STATUS_CODES = [
  'MQTT_INFO_NO_ERR',
  'MQTT_INFO_SELF_INIT_DISCONN',
  'MQTT_INFO_DISABLED_BY_USER',
  'MQTT_WARNING_CONNECTING',
  'MQTT_ERROR_CONN_REFUSED',
  'MQTT_ERROR_AUTH_FAILED',
  'MQTT_ERROR_HOST_UNREACHABLE',
  'MQTT_ERROR_UNEXP_DISCONN',
] as const;
export type StatusCode = (typeof STATUS_CODES)[number];

/** Whose turn it is: nobody's, the owner's, the broker's, ours, or time's. */
export const STATUS_CLASSES = ['ok', 'off', 'pending', 'user', 'remote', 'platform'] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** The finer cause behind a code. Stable and append-only; `docs/status-codes.md` explains each. */
export const STATUS_REASONS = [
  'delivering',
  'settings_changed',
  'handover',
  'disabled',
  'no_host',
  'starting',
  'connecting',
  'waiting_for_turn',
  'no_owner',
  'moving',
  'encoder_behind',
  'connection_refused',
  'not_mqtt',
  'not_tls',
  'protocol_version_refused',
  'client_id_refused',
  'server_unavailable',
  'server_busy',
  'banned',
  'quota_exceeded',
  'connection_rate_exceeded',
  'use_another_server',
  'retain_not_supported',
  'qos_not_supported',
  'will_refused',
  'packet_too_large',
  'protocol_error',
  'refused_by_broker',
  'bad_credentials',
  'not_authorized',
  'client_certificate_refused',
  'client_certificate_required',
  'secret_unreadable',
  'credentials_invalid',
  'dns_not_found',
  'dns_failed',
  'address_denied',
  'network_unreachable',
  'connect_timeout',
  'tls_timeout',
  'connack_timeout',
  'tls_untrusted_ca',
  'tls_wrong_name',
  'tls_expired',
  'tls_failed',
  'closed_before_connack',
  'closed_by_broker',
  'connection_reset',
  'keep_alive_timeout',
  'ack_timeout',
  'session_taken_over',
  'server_shutting_down',
  'disconnected_by_broker',
  'publish_not_authorized',
  'publish_refused',
  'message_set_aside',
] as const;
export type StatusReason = (typeof STATUS_REASONS)[number];

/** Green on the display: every _INFO_ code except _INFO_DISABLED_BY_USER. */
export function isActive(code: StatusCode): boolean {
  return code.startsWith('MQTT_INFO_') && code !== 'MQTT_INFO_DISABLED_BY_USER';
}

/** What a broker does less than the settings ask for. */
export interface BrokerLimits {
  /** QoS that messages are published with. */
  qos?: 0 | 1;
  /** Messages are published without the retain flag. */
  retain?: false;
  willQos?: 0 | 1;
  willRetain?: false;
}

/** Record of the bucket `status`, written by the owner of the gateway's session. Times are ISO 8601. */
export interface StatusRecord {
  gatewayId: string;
  workspace: string;
  /** The fleet of the owner. */
  fleet: string;
  incarnation: string;
  /** How often the gateway had changed its fleet when the owner took it over; absent: never. */
  moves?: number;
  code: StatusCode;
  class: StatusClass;
  reason: StatusReason;
  /** One sentence for a person; never holds a secret. */
  message: string;
  since: string;
  updated: string;
  host?: string;
  /** With MQTT 5: the keep-alive that the broker imposed, seconds. */
  serverKeepAliveSeconds?: number;
  /** What the broker does not do, and what is used instead. Absent: it does everything. */
  brokerLimits?: BrokerLimits;
  /** Shown offline at the broker because no readings came: when the last did, or when the gateway was registered. */
  silentSince?: string;
  /** Connection attempts since the last CONNACK; 0 while connected. */
  attempt: number;
  nextAttemptAt?: string;
  owner: { instance: string; epoch: number };
}

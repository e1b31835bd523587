/**
 * Why a session could not be had, or ended: what the adapters report, in no driver's terms. `code` is an errno, OpenSSL
 * or resolver code; `reasonCode` an MQTT return or reason code.
 */
export type Failure =
  | { phase: 'settings'; kind: 'secret_unreadable' | 'credentials_invalid'; detail: string }
  | { phase: 'resolve'; code: string }
  | { phase: 'policy'; address: string }
  | { phase: 'tcp'; code: string }
  | { phase: 'tls'; code: string; detail: string }
  | { phase: 'connack'; kind: 'timeout' | 'closed' | 'not_mqtt' }
  | { phase: 'connack'; kind: 'refused'; reasonCode: number; protocolVersion: 4 | 5 }
  | { phase: 'session'; kind: 'closed' | 'reset' | 'keep_alive_timeout' | 'ack_timeout' | 'protocol_error' }
  | { phase: 'session'; kind: 'disconnected'; reasonCode: number }
  /** The session is up, but the broker refuses what is published (MQTT 5 PUBACK or PUBREC). */
  | { phase: 'publish'; reasonCode: number }
  /** The session is up again, without the message at which the broker ended it each time. */
  | { phase: 'poison' };

/** `code` of a phase that ran into its own deadline. */
export const TIMED_OUT = 'TIMED_OUT';

/** `code` of a TLS handshake to which the peer said nothing but that it closes the connection. */
export const CLOSED_UNANSWERED = 'CLOSED_UNANSWERED';

/** `code` of a TLS 1.2 handshake that failed after the peer had shown its certificate and we had none to show. */
export const REFUSED_WITHOUT_CERTIFICATE = 'REFUSED_WITHOUT_CERTIFICATE';

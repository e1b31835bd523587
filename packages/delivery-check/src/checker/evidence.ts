/*
 * What a run has seen, from both ends of the chain. Every reading of a gateway carries a number, from 1, that grows by
 * one with each; times are ms since the epoch and only compared with one another.
 */

/** A reading that was answered with 202. */
export interface Accepted {
  readonly n: number;
  /** When its request was sent for the first time. */
  readonly sent: number;
  /** When the answer came. */
  readonly time: number;
}

/** A reading as a broker took it over, each time that it did. */
export interface Delivered {
  readonly n: number;
  readonly time: number;
}

/** What happened on the connections of one gateway, in the order in which its broker saw it. */
export type SessionEvent =
  | {
      readonly kind: 'connect';
      readonly connection: number;
      readonly time: number;
      /** Undefined where the session does not say whose it is. */
      readonly epoch: number | undefined;
      /** How often the gateway had changed its fleet: epochs of different fleets cannot be compared. */
      readonly moves: number;
      readonly instance: string | undefined;
    }
  | { readonly kind: 'publish'; readonly connection: number; readonly time: number };

export interface GatewayEvidence {
  readonly gatewayId: string;
  readonly qos: 0 | 1 | 2;
  /** In the order in which they were sent. */
  readonly accepted: readonly Accepted[];
  /** Sent, and never answered: each may have been accepted or not. */
  readonly uncertain: readonly number[];
  /** In the order in which they came. */
  readonly delivered: readonly Delivered[];
  /** Undefined where the broker does not show its connections. */
  readonly sessions: readonly SessionEvent[] | undefined;
  /** Readings that the service itself says it lost to limits. */
  readonly lost: number;
}

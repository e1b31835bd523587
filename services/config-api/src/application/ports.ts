import type { GatewayRecord, StatusClass, StatusCode, StatusReason } from '@gatecast/shared/model';
import type { DeadLetter, LetterHead } from '../domain/dead-letter.ts';

/** Where ids and secrets come from. */
export interface Randomness {
  /** 256 random bits, base64url. */
  token(): string;
  /** An id that does not occur twice: 96 random bits, base64url. */
  id(): string;
}

/** The streams of fleets. All errors are GatecastErrors. */
export interface FleetStreams {
  /** Creates what is missing, and applies changed limits. */
  ensure(fleet: string): Promise<void>;
  /** Removes them with all that they hold; what does not exist is no error. */
  remove(fleet: string): Promise<void>;
}

/** Makes changed names and settings known at once instead of with the gateway's next batch. */
export interface Announcer {
  /**
   * Never rejects: the change is stored, and is announced with the next batch at the latest. A disabled integration has
   * nothing to announce, unless `when` says so.
   */
  announce(gateway: GatewayRecord, when?: 'enabled' | 'always'): Promise<void>;
}

/** The line of accepted readings. All errors are GatecastErrors. */
export interface ReadingsLine {
  /** Sequence of the last message that was stored, of any partition. */
  lastSequence(): Promise<number>;
  /** The first message of a partition after `sequence`; `time` in ms since the epoch. */
  firstAfter(partition: number, sequence: number): Promise<{ sequence: number; time: number } | undefined>;
}

/** The waiting rooms of gateways whose broker is away. All errors are GatecastErrors. */
export interface WaitingRooms {
  /** When the gateway's oldest batch with a message above `settled` was put there, ms since the epoch. */
  oldestAfter(gateway: GatewayRecord, settled: number): Promise<number | undefined>;
}

/** One transition. Times are ISO 8601. */
export interface StatusEvent {
  /** Sequence in the stream of events. */
  id: number;
  time: string;
  code: StatusCode;
  class: StatusClass;
  reason: StatusReason;
  message: string;
  host?: string;
  attempt: number;
}

/** The transitions of a gateway's status. All errors are GatecastErrors. */
export interface StatusEvents {
  /** The last `limit` of this registration of the gateway, newest first. */
  last(gateway: GatewayRecord, limit: number): Promise<StatusEvent[]>;
}

export interface LetterScan {
  order: 'newest' | 'oldest';
  /** Begin behind this letter, in that order. Default: with the first one. */
  beyond?: number;
}

/** What was set aside, by gateway. All errors are GatecastErrors. */
export interface DeadLetterStore {
  /** Shows the gateway's letters one by one, until `visit` returns false. */
  scan(gatewayId: string, scan: LetterScan, visit: (head: LetterHead) => boolean): Promise<void>;
  /** Undefined: the gateway has no such letter. */
  get(gatewayId: string, id: number): Promise<DeadLetter | undefined>;
  /** False: there was none any more. */
  remove(gatewayId: string, id: number): Promise<boolean>;
  /** Resolves to how many there were. */
  removeAll(gatewayId: string): Promise<number>;
  /** Resolves once it is stored at the end of the gateway's line; several times within the window, it is there once. */
  sendAgain(letter: DeadLetter, gateway: GatewayRecord): Promise<void>;
}

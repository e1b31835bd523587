/** A message that sessions ended with, in the gateway's checkpoint. */
export interface SuspectRecord {
  /** Counter of the message. */
  n: number;
  /** Sessions that ended with it in flight. */
  k: number;
  /** An attempt is being made, or about to be: whoever reads this from a process that died counts one more. */
  a?: 1;
}

/** How far one gateway is settled. Short keys: a partition's record holds one for every gateway of it. */
export interface GatewayCheckpoint {
  /** Incarnation that the counters belong to. */
  i: string;
  /** Settled: every message up to this counter has its acknowledgement, or was decided on (lost, dead letter, dropped). */
  s: number;
  /** QoS 2: the broker has received every message up to this counter, in the session that `b` names. Default `s`. */
  r?: number;
  /** QoS 2: names the broker's session: a short hash of host, port and client id. */
  b?: string;
  /** QoS 2: the broker takes less in that session, and holds nothing that would have to be released. */
  o?: 1;
  /** QoS 2: a CONNECT was on its way when this was written: a session that is found may be younger than this record. */
  u?: 1;
  /** QoS 2: sent again since registration because the broker had lost its session. */
  d?: number;
  /** QoS 2: released since registration in a session that may have been a new one: if it was, they are lost. */
  e?: number;
  /** QoS 2: which decision of its writer this holds, if that waits for it to be durable. Means nothing to anybody else. */
  v?: number;
  /** Handled: the highest counter that was moved to the waiting room, or lost at its door. */
  h?: number;
  /** Lost to limits since registration. */
  l?: number;
  /** Set aside in DEADLETTER, or dropped because disabled, since registration: settled, but not delivered. */
  x?: number;
  /** Last delivery, ms since the epoch. */
  t?: number;
  /** When the last batch with readings was stored in OUTBOX, ms since the epoch. */
  a?: number;
  /** 1: it has been silent for too long, and is shown offline. */
  q?: 1;
  /** Messages that may be poison: one that is being tried, and those held aside. */
  p?: SuspectRecord[];
  /** How often the gateway had changed its fleet when this fleet took it over; absent: it has always been here. */
  g?: number;
  /** Given away: what is not settled lies in the waiting room, for the owner in the fleet of that name. */
  m?: string;
}

/** Record of the bucket `checkpoints` under `publisher.<fleet>.<partition>`. */
export interface PublisherCheckpoint {
  /** Epoch of the writer; a record of a higher epoch is never overwritten. */
  epoch: number;
  /** Every OUTBOX message of the partition up to this stream sequence is settled, or safe in BACKLOG. */
  seq: number;
  gateways: Record<string, GatewayCheckpoint>;
}

/** How far one gateway is encoded. */
export interface GatewayEncoderPosition {
  i: string;
  /** The gateway's message counter: of the last message emitted. */
  c: number;
  /** READINGS sequence of the last source of this gateway … */
  s: number;
  /** … and its last part that was emitted; `DONE` when all of it was. */
  p: number;
  /** When the gateway's last batch was accepted, ms since the epoch. */
  t?: number;
  /** How often the gateway had changed its fleet when its present line began; absent: never. */
  g?: number;
}

/** `p` of a source whose every part is emitted (parts are counted from 1 and never reach it). */
export const ALL_PARTS = 0xffff;

/** Record of the bucket `checkpoints` under `encoder._.<partition>`. */
export interface EncoderCheckpoint {
  epoch: number;
  /** Every READINGS message of the partition up to this stream sequence is encoded. */
  seq: number;
  gateways: Record<string, GatewayEncoderPosition>;
}

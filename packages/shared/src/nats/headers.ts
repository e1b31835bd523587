import { GatecastError } from '../errors/index.ts';
import { HeaderBlock, type MessageHeaders } from './header-block.ts';

/** Version of what READINGS, OUTBOX and BACKLOG messages look like. A consumer refuses one that it does not know. */
export const SCHEMA_VERSION = 1;

export const HEADER = {
  schema: 'Gatecast-Schema',
  incarnation: 'Gatecast-Incarnation',
  /** OUTBOX: `<READINGS sequence>.<part>/<parts>`. */
  source: 'Gatecast-Source',
  /** OUTBOX: revision of the integration that it was encoded by. */
  settings: 'Gatecast-Settings',
  /** OUTBOX: the gateway's counter of the first message of the batch … */
  first: 'Gatecast-First',
  /** … and how many messages it holds. */
  count: 'Gatecast-Count',
  /** OUTBOX: how often the gateway had changed its fleet when the batch was written; absent: never. */
  moves: 'Gatecast-Moves',
  /** OUTBOX: the batch is the last of this line (and empty); the gateway's next ones are in the outbox of that fleet. */
  movedTo: 'Gatecast-Moved-To',
  /** DEADLETTER: why. */
  reason: 'Gatecast-Reason',
  /** READINGS, DEADLETTER: what the body is; absent: `measurements`. */
  kind: 'Gatecast-Kind',
  /** READINGS: the dead letter that this was; it is no repeat of what was set aside. */
  requeued: 'Gatecast-Requeued',
  msgId: 'Nats-Msg-Id',
} as const;

/** `measurements`: a request of a gateway. `messages`: a batch of MQTT messages that are ready for the broker. */
export const BODY_KINDS = ['measurements', 'messages'] as const;
export type BodyKind = (typeof BODY_KINDS)[number];

export interface ReadingsHeaders {
  incarnation: string;
  kind: BodyKind;
  /** It was a dead letter. */
  isRequeued: boolean;
}

export interface Source {
  /** READINGS stream sequence. */
  sequence: number;
  /**
   * How much of the source is emitted with this message, in steps that do not depend on settings: 1 is its metadata, then
   * one for each reading. 0: a part of the metadata, without its end.
   */
  part: number;
  /** Steps of the whole source: its last message has `part` = `parts`. */
  parts: number;
}

export interface BatchHeaders {
  incarnation: string;
  source: Source;
  settings: number;
  first: number;
  count: number;
  /** How often the gateway had changed its fleet; absent: never. With the incarnation it names the line. */
  moves?: number;
  /** The end of this line: the gateway goes on in that fleet. */
  movedTo?: string;
}

export function readingsHeaders(incarnation: string, msgId: string | undefined): HeaderBlock {
  const result = new HeaderBlock();
  result.set(HEADER.schema, String(SCHEMA_VERSION));
  result.set(HEADER.incarnation, incarnation);
  if (msgId !== undefined) result.set(HEADER.msgId, msgId);
  return result;
}

/** Of a dead letter that goes down the line once more. Stored twice within the stream's window, it is stored once. */
export function requeuedHeaders(incarnation: string, kind: BodyKind, letter: number): HeaderBlock {
  const result = readingsHeaders(incarnation, `deadletter-${letter}`);
  result.set(HEADER.requeued, String(letter));
  if (kind !== 'measurements') result.set(HEADER.kind, kind);
  return result;
}

export function batchHeaders(batch: BatchHeaders): HeaderBlock {
  const { incarnation, source, settings, first, count, moves = 0, movedTo } = batch;
  const result = new HeaderBlock();
  result.set(HEADER.schema, String(SCHEMA_VERSION));
  result.set(HEADER.incarnation, incarnation);
  result.set(HEADER.source, `${source.sequence}.${source.part}/${source.parts}`);
  result.set(HEADER.settings, String(settings));
  result.set(HEADER.first, String(first));
  result.set(HEADER.count, String(count));
  if (moves > 0) result.set(HEADER.moves, String(moves));
  if (movedTo !== undefined) result.set(HEADER.movedTo, movedTo);
  return result;
}

/**
 * The headers of a READINGS message.
 * @throws {GatecastError} `SCHEMA_UNKNOWN`, `PAYLOAD_MALFORMED`
 */
export function readReadingsHeaders(from: MessageHeaders | undefined): ReadingsHeaders {
  const present = requireSchema(from);
  return {
    incarnation: required(present, HEADER.incarnation),
    kind: kindOf(present),
    isRequeued: present.has(HEADER.requeued),
  };
}

/**
 * The headers of an OUTBOX or BACKLOG message.
 * @throws {GatecastError} `SCHEMA_UNKNOWN`, `PAYLOAD_MALFORMED`
 */
export function readBatchHeaders(from: MessageHeaders | undefined): BatchHeaders {
  const present = requireSchema(from);
  const source = /^(\d+)\.(\d+)\/(\d+)$/.exec(required(present, HEADER.source));
  if (!source) throw new GatecastError('PAYLOAD_MALFORMED', `${HEADER.source} is malformed`);
  return {
    incarnation: required(present, HEADER.incarnation),
    source: { sequence: Number(source[1]), part: Number(source[2]), parts: Number(source[3]) },
    settings: integer(present, HEADER.settings),
    first: integer(present, HEADER.first),
    count: integer(present, HEADER.count),
    ...(present.has(HEADER.moves) ? { moves: integer(present, HEADER.moves) } : {}),
    ...(present.has(HEADER.movedTo) ? { movedTo: required(present, HEADER.movedTo) } : {}),
  };
}

function kindOf(from: MessageHeaders): BodyKind {
  const value = from.get(HEADER.kind) || 'measurements';
  const kind = BODY_KINDS.find((one) => one === value);
  if (!kind) throw new GatecastError('SCHEMA_UNKNOWN', `bodies of kind "${value}" are not known here`);
  return kind;
}

/** Another version is somebody else's to read; no version at all is nobody's. */
function requireSchema(from: MessageHeaders | undefined): MessageHeaders {
  if (!from) throw new GatecastError('PAYLOAD_MALFORMED', 'there are no headers');
  const version = required(from, HEADER.schema);
  if (version !== String(SCHEMA_VERSION)) {
    throw new GatecastError('SCHEMA_UNKNOWN', `schema version "${version}" is not known here`);
  }
  return from;
}

function required(from: MessageHeaders, name: string): string {
  const value = from.get(name);
  if (!value) throw new GatecastError('PAYLOAD_MALFORMED', `${name} is missing`);
  return value;
}

function integer(from: MessageHeaders, name: string): number {
  const value = Number(required(from, name));
  if (!Number.isSafeInteger(value) || value < 0) throw new GatecastError('PAYLOAD_MALFORMED', `${name} is malformed`);
  return value;
}

import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { GatecastError } from '../errors/index.ts';

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
  msgId: 'Nats-Msg-Id',
} as const;

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

export function readingsHeaders(incarnation: string, msgId: string | undefined): MsgHdrs {
  const result = headers();
  result.set(HEADER.schema, String(SCHEMA_VERSION));
  result.set(HEADER.incarnation, incarnation);
  if (msgId !== undefined) result.set(HEADER.msgId, msgId);
  return result;
}

export function batchHeaders(batch: BatchHeaders): MsgHdrs {
  const { incarnation, source, settings, first, count, moves = 0, movedTo } = batch;
  const result = headers();
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
 * The incarnation of a READINGS message.
 * @throws {GatecastError} `SCHEMA_UNKNOWN`, `PAYLOAD_MALFORMED`
 */
export function readReadingsHeaders(from: MsgHdrs | undefined): { incarnation: string } {
  const present = requireSchema(from);
  return { incarnation: required(present, HEADER.incarnation) };
}

/**
 * The headers of an OUTBOX or BACKLOG message.
 * @throws {GatecastError} `SCHEMA_UNKNOWN`, `PAYLOAD_MALFORMED`
 */
export function readBatchHeaders(from: MsgHdrs | undefined): BatchHeaders {
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

function requireSchema(from: MsgHdrs | undefined): MsgHdrs {
  const version = from?.get(HEADER.schema);
  if (!from || version !== String(SCHEMA_VERSION)) {
    throw new GatecastError('SCHEMA_UNKNOWN', `schema version "${version ?? ''}" is not known here`);
  }
  return from;
}

function required(from: MsgHdrs, name: string): string {
  const value = from.get(name);
  if (!value) throw new GatecastError('PAYLOAD_MALFORMED', `${name} is missing`);
  return value;
}

function integer(from: MsgHdrs, name: string): number {
  const value = Number(required(from, name));
  if (!Number.isSafeInteger(value) || value < 0) throw new GatecastError('PAYLOAD_MALFORMED', `${name} is malformed`);
  return value;
}

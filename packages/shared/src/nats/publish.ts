import type { MsgRequest } from '@nats-io/jetstream';
import type { Nats } from './connection.ts';
import { isMessageNotFound, translateNatsError } from './errors.ts';
import type { MessageHeaders } from './header-block.ts';
import type { PublishResult } from './stream-publisher.ts';

const EXPECTED_LAST = 'Nats-Expected-Last-Subject-Sequence';

export interface StoredMessage {
  sequence: number;
  headers: MessageHeaders | undefined;
  data: Uint8Array;
  /** When the server stored it. */
  time: Date;
}

/**
 * Publishes to a stream and waits for its acknowledgement. With `expectLast`, the server refuses unless that is the
 * last sequence of this subject (0: none).
 * @throws {GatecastError} `SUBJECT_SEQUENCE_CONFLICT`, `STORAGE_FULL`, `NATS_UNAVAILABLE` (not stored);
 * `OUTCOME_UNKNOWN` (may be stored)
 */
export async function publishToStream(
  nats: Nats,
  subject: string,
  data: Uint8Array,
  { headers, expectLast }: { headers: MessageHeaders; expectLast?: number },
): Promise<PublishResult> {
  if (expectLast !== undefined) headers.set(EXPECTED_LAST, String(expectLast));
  try {
    return await nats.publisher.publish(subject, data, headers);
  } catch (error) {
    throw translateNatsError(error, `publishing to ${subject}`);
  }
}

/** The last message of a subject, read from the stream's leader; undefined when the subject is empty. */
export function lastMessageOf(nats: Nats, stream: string, subject: string): Promise<StoredMessage | undefined> {
  return getMessage(nats, stream, { last_by_subj: subject }, `reading the last message of ${subject}`);
}

/** The first message at or after sequence `from` on a subject, wildcards allowed; undefined when there is none. */
export function nextMessageOf(
  nats: Nats,
  stream: string,
  subject: string,
  from: number,
): Promise<StoredMessage | undefined> {
  // The server knows this form of the request; the client library's type does not.
  const query = { seq: from, next_by_subj: subject } as MsgRequest;
  return getMessage(nats, stream, query, `reading ${subject} from ${from}`);
}

async function getMessage(
  nats: Nats,
  stream: string,
  query: MsgRequest,
  what: string,
): Promise<StoredMessage | undefined> {
  try {
    const message = await nats.untilCut(nats.jsm.streams.getMessage(stream, query));
    if (message === null) return undefined;
    return { sequence: message.seq, headers: message.header, data: message.data, time: message.time };
  } catch (error) {
    if (isMessageNotFound(error)) return undefined;
    throw translateNatsError(error, what);
  }
}

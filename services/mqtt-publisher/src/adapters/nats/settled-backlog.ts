import { type GatecastError, isGatecastError } from '@gatecast/shared/errors';
import type { Logger } from '@gatecast/shared/logging';
import {
  type BatchHeaders,
  backlogStreamOf,
  gatewayOfSubject,
  type Nats,
  nextMessageOf,
  readBatchHeaders,
  subjects,
  translateNatsError,
} from '@gatecast/shared/nats';
import { AckPolicy, DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import { nuid } from '@nats-io/nats-core';
import type { SettledRecords } from './settled-records.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

const READ_AHEAD = 500;
const FETCH_MS = 1_000;

export interface SettledBacklogOptions {
  readonly nats: Nats;
  readonly fleet: string;
  readonly records: Pick<SettledRecords, 'isSettled'>;
  /** Where goes what nobody can read: whether it is needed cannot be known. */
  readonly unreadable: Pick<UnreadableBatches, 'setAside'>;
  readonly log: Logger;
}

/**
 * The first sequence of a fleet's BACKLOG that somebody may still need, looked for from its beginning, up to `last`:
 * `last + 1` when nobody needs anything. What was passed is purged, so nothing is looked at twice.
 * @throws {GatecastError}
 */
export async function firstUnsettled(
  options: SettledBacklogOptions,
  last: number,
  signal: AbortSignal,
): Promise<number> {
  const { nats, fleet } = options;
  const stream = backlogStreamOf(fleet);
  let passed = 0;
  let delivered = 0;
  try {
    const info = await nats.jsm.consumers.add(stream, {
      // The server lets users create consumers by name and filter.
      name: `publisher-purge-${nuid.next()}`,
      filter_subject: subjects.backlogOfFleet(fleet),
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      headers_only: true,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 10_000_000_000,
    });
    // Nothing to look at; or the replica that the consumer is on has not got it yet.
    if (info.num_pending === 0) return passed + 1;
    const consumer = await nats.js.consumers.getConsumerFromInfo(info);
    try {
      while (!signal.aborted) {
        const before = passed;
        for await (const message of await consumer.fetch({ max_messages: READ_AHEAD, expires: FETCH_MS })) {
          delivered += 1;
          // Without acknowledgements nothing is delivered again: what was lost on the way has not been looked at.
          if (message.info.deliverySequence !== delivered) return passed + 1;
          if (message.seq > last) return last + 1;
          if (await isNeeded(message, options)) return message.seq;
          passed = message.seq;
          if (message.seq === last) return last + 1;
        }
        // Nothing more came: what is behind was taken by limits meanwhile, or comes too late for this round.
        if (passed === before) break;
      }
    } finally {
      consumer.delete().catch(() => {}); // or it goes by its inactivity
    }
  } catch (error) {
    throw translateNatsError(error, `looking for what is settled in ${stream}`);
  }
  return passed + 1;
}

/** @throws {GatecastError} */
async function isNeeded(
  message: JsMsg,
  { nats, fleet, records, unreadable, log }: SettledBacklogOptions,
): Promise<boolean> {
  const stream = backlogStreamOf(fleet);
  const headers = headersOf(message);
  if (!isGatecastError(headers)) {
    const { first, count, ...line } = headers;
    return !(await records.isSettled(gatewayOfSubject(message.subject), line, first + count - 1));
  }
  // A newer publisher reads it.
  if (headers.code === 'SCHEMA_UNKNOWN') return true;
  const stored = await nextMessageOf(nats, stream, message.subject, message.seq);
  // Else it was taken by limits meanwhile.
  if (stored?.sequence !== message.seq) return false;
  try {
    await unreadable.setAside({ subject: message.subject, sequence: message.seq, data: stored.data }, headers);
    return false;
  } catch (error) {
    if (!isGatecastError(error)) throw error;
    log.error({ err: error, stream, sequence: message.seq }, 'could not set an unreadable batch aside');
    return true;
  }
}

function headersOf({ headers }: JsMsg): BatchHeaders | GatecastError {
  try {
    return readBatchHeaders(headers);
  } catch (error) {
    if (!isGatecastError(error)) throw error;
    return error;
  }
}

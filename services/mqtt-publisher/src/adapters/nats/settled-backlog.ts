import { gatewayOfSubject, type Nats, readBatchHeaders, translateNatsError } from '@gatecast/shared/nats';
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import type { SettledRecords } from './settled-records.ts';

const READ_AHEAD = 500;
const FETCH_MS = 1_000;

/**
 * The first sequence of a BACKLOG stream that somebody may still need, looked for from its beginning, up to `last`:
 * `last + 1` when nobody needs anything. What was passed is purged, so nothing is looked at twice.
 * @throws {GatecastError}
 */
export async function firstUnsettled(
  nats: Nats,
  stream: string,
  records: SettledRecords,
  last: number,
  signal: AbortSignal,
): Promise<number> {
  let passed = 0;
  let delivered = 0;
  try {
    const info = await nats.jsm.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      headers_only: true,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 10_000_000_000,
    });
    if (info.num_pending === 0) return last + 1;
    const consumer = await nats.js.consumers.getConsumerFromInfo(info);
    try {
      while (!signal.aborted) {
        const before = passed;
        for await (const message of await consumer.fetch({ max_messages: READ_AHEAD, expires: FETCH_MS })) {
          delivered += 1;
          // Without acknowledgements nothing is delivered again: what was lost on the way has not been looked at.
          if (message.info.deliverySequence !== delivered) return passed + 1;
          if (message.seq > last) return last + 1;
          const { first, count, ...line } = readBatchHeaders(message.headers);
          const gatewayId = gatewayOfSubject(message.subject);
          if (!(await records.isSettled(gatewayId, line, first + count - 1))) return message.seq;
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

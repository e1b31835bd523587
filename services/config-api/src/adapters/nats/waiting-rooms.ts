import {
  backlogStreamOf,
  type Nats,
  readBatchHeaders,
  type StoredMessage,
  subjects,
  translateNatsError,
} from '@gatecast/shared/nats';
import type { WaitingRooms } from '../../application/ports.ts';
import { firstMessageFrom } from './first-message.ts';

/**
 * BACKLOG on the NATS server. Batches stay there for a while after they were delivered, so the oldest one that still
 * waits is not always the first one of the subject: it is found by halving, since counters only grow along the line.
 */
export function natsWaitingRooms(nats: Nats): WaitingRooms {
  return {
    async oldestAfter({ fleet, gatewayId, incarnation }, settled) {
      const stream = backlogStreamOf(fleet);
      const subject = subjects.backlog(fleet, gatewayId);
      const waits = (message: StoredMessage) => stillWaits(message, incarnation, settled);
      const first = await firstMessageFrom(nats, stream, subject, 1);
      if (!first || waits(first)) return first?.time.getTime();
      let low = first.sequence + 1;
      let high = (await lastSequenceOf(nats, stream)) + 1;
      let oldest: StoredMessage | undefined;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const found = await firstMessageFrom(nats, stream, subject, middle);
        if (found && !waits(found)) {
          low = found.sequence + 1;
        } else {
          high = middle;
          oldest = found ?? oldest;
        }
      }
      return oldest?.time.getTime();
    },
  };
}

function stillWaits({ headers }: StoredMessage, incarnation: string, settled: number): boolean {
  const batch = readBatchHeaders(headers);
  return batch.incarnation === incarnation && batch.first + batch.count - 1 > settled;
}

async function lastSequenceOf(nats: Nats, stream: string): Promise<number> {
  try {
    return (await nats.untilCut(nats.jsm.streams.info(stream))).state.last_seq;
  } catch (error) {
    throw translateNatsError(error, `reading the state of ${stream}`);
  }
}

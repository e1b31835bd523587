import { type Nats, type StoredMessage, translateNatsError } from '@gatecast/shared/nats';
import { requireConnection } from './require-connection.ts';

/**
 * The first message of `subject` (wildcards allowed) at or after `sequence`, read from the stream's leader; undefined
 * when there is none.
 * @throws {GatecastError} `NATS_UNAVAILABLE`, `STREAM_MISSING`, `OUTCOME_UNKNOWN`
 */
export async function firstMessageFrom(
  nats: Nats,
  stream: string,
  subject: string,
  sequence: number,
): Promise<StoredMessage | undefined> {
  requireConnection(nats);
  const query = { seq: Math.max(1, sequence), next_by_subj: subject };
  try {
    const found = await nats.untilCut(nats.jsm.streams.getMessage(stream, query));
    if (found === null) return undefined;
    return { sequence: found.seq, headers: found.header, data: found.data, time: found.time };
  } catch (error) {
    throw translateNatsError(error, `reading ${subject} from ${stream}`);
  }
}

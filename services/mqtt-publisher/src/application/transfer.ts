import type { Batch } from '../domain/batch.ts';
import { isSameLine, type LineName } from '../domain/place.ts';
import type { BacklogStore, BacklogTail } from './ports.ts';

export interface Transfer {
  readonly gatewayId: string;
  /** The line that the batches are of; others are left out. */
  readonly of: LineName;
  /** The line that they belong to from now on. */
  readonly as: LineName;
  /** What is settled need not go along. */
  readonly settled: number;
  /** Asked before every write; false ends the transfer. */
  readonly mayAct: () => boolean;
}

/**
 * Puts `batches` at the end of a waiting room, those that are not there yet: it may be repeated. Resolves to the room's
 * end, `last` being 0 when it holds nothing of the line; undefined when it was broken off.
 * @throws {GatecastError} as `BacklogStore.append`. A full room is waited out by the caller: nothing is lost here
 */
export async function putInto(
  room: BacklogStore,
  batches: AsyncIterable<Batch>,
  { gatewayId, of, as, settled, mayAct }: Transfer,
): Promise<BacklogTail | undefined> {
  const tail = await room.tail(gatewayId);
  let sequence = tail?.sequence ?? 0;
  let last = tail && isSameLine(tail, as) ? tail.last : 0;
  for await (const batch of batches) {
    if (batch.headers.movedTo !== undefined) continue;
    if (!isSameLine(batch.headers, of) || batch.last <= Math.max(last, settled)) continue;
    if (!mayAct()) return undefined;
    sequence = await room.append({ ...batch, headers: { ...batch.headers, ...as } }, sequence);
    last = batch.last;
  }
  return { sequence, last, ...as };
}

import type { ReadingsPort } from './ports.ts';

export interface ReplayPlan {
  /** The first sequence to read. */
  readonly from: number;
  /** Messages up to the position that come with it. */
  readonly messages: number;
}

export interface ReplayLimits {
  /** How far before the position readings are remembered, ms. */
  readonly lookBackMs: number;
  /** Messages of one partition that are read again at most. */
  readonly maxMessages: number;
}

/** A look-back shorter than this is not worth the reading. */
const SHORTEST_MS = 60_000;

/**
 * From which sequence on a partition is read at a takeover: what comes before the position is only remembered, so that
 * repeats are recognised across the takeover. Where the look-back holds too many messages it is halved.
 * @throws {GatecastError} when NATS does not answer; may be repeated
 */
export async function replayStart(
  readings: Pick<ReadingsPort, 'timeOf' | 'pointAt'>,
  partition: number,
  position: number,
  { lookBackMs, maxMessages }: ReplayLimits,
): Promise<ReplayPlan> {
  const none = { from: position + 1, messages: 0 };
  const time = position > 0 ? await readings.timeOf(partition, position) : undefined;
  if (time === undefined) return none;
  const live = await readings.pointAt(partition, { sequence: position + 1 });
  for (let backMs = lookBackMs; backMs >= SHORTEST_MS; backMs /= 2) {
    const point = await readings.pointAt(partition, { time: time - backMs });
    const messages = Math.max(0, point.messages - live.messages);
    if (messages <= maxMessages) return messages === 0 ? none : { from: point.sequence, messages };
  }
  return none;
}

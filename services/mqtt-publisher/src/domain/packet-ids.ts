/** Packet ids for the messages of a lane: 1 … 65,000. Those above are for what is not a message of a lane. */
const LANE_IDS = 65_000;

/** First of the ids for births and wills … */
export const FIRST_EXTRA_ID = LANE_IDS + 1;
/** … and how many of them are used in turn: few, since whoever resumes a session releases them all. */
export const EXTRA_IDS = 16;

/**
 * The packet id of a gateway's message. Whoever sends it, and however often, uses the same one: so a broker that keeps
 * its session recognises a repeat at QoS 2.
 */
export function packetIdOf(counter: number): number {
  return 1 + ((counter - 1) % LANE_IDS);
}

/** Whether the id is one for births and wills. */
export function isExtraId(packetId: number): boolean {
  return packetId >= FIRST_EXTRA_ID;
}

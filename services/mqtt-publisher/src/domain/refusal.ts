/** MQTT 5 reason codes of PUBACK and PUBREC that say that this very message will never be taken, section 3.4.2.1. */
const PERMANENT: ReadonlyMap<number, string> = new Map([
  [135, 'not_authorized'],
  [144, 'topic_name_invalid'],
  [153, 'payload_format_invalid'],
]);

/** What a message too large for the broker's Maximum Packet Size would be refused with, had it been sent. */
export const PACKET_TOO_LARGE = 149;

/** Why a message that the broker refuses with this code has to be set aside; undefined: it may take it another time. */
export function reasonToSetAside(reasonCode: number): string | undefined {
  return PERMANENT.get(reasonCode);
}

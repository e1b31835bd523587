import type { EncoderCheckpoint, GatewayCheckpoint, PublisherCheckpoint } from './checkpoint.ts';
import type { GatewayRecord } from './gateway.ts';

type Registration = Pick<GatewayRecord, 'gatewayId' | 'incarnation' | 'moves'>;

/** A gateway's entry in a publisher's record, if it is of the present registration. */
export function ownEntry(
  record: PublisherCheckpoint | undefined,
  { gatewayId, incarnation }: Registration,
): GatewayCheckpoint | undefined {
  const entry = record?.gateways[gatewayId];
  return entry?.i === incarnation ? entry : undefined;
}

/**
 * Whether the fleet of a gateway's registration has it: the fleet's record says so, or it was never moved.
 * @param record of the gateway's partition, in the fleet that its registration names
 */
export function hasArrived(record: PublisherCheckpoint | undefined, gateway: Registration): boolean {
  const { moves = 0 } = gateway;
  if (moves === 0) return true;
  const entry = ownEntry(record, gateway);
  return entry?.m === undefined && entry?.g === moves;
}

/**
 * Whether the encoder has recorded that the gateway's former line is closed. Only then is nothing of that line needed
 * any more, not even its end.
 */
export function hasLeft(
  record: EncoderCheckpoint | undefined,
  { gatewayId, incarnation, moves }: Registration,
): boolean {
  const entry = record?.gateways[gatewayId];
  return entry?.i === incarnation && (entry.g ?? 0) === (moves ?? 0);
}

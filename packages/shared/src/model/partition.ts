/** Number of partitions unless the installation chose another one. Fixed at install: changing it moves every gateway. */
export const DEFAULT_PARTITIONS = 64;

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** 32-bit FNV-1a over the UTF-8 bytes of `text` (the hash that NATS uses for its `partition()` subject mapping). */
export function fnv1a32(text: string): number {
  let hash = FNV_OFFSET_BASIS;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/**
 * The partition of a gateway, 0 … partitions - 1: the unit of ownership. Equal to what a NATS server computes with
 * `{{partition(partitions,1)}}` over the gateway id, so that either side can route.
 */
export function partitionOf(gatewayId: string, partitions: number): number {
  return fnv1a32(gatewayId) % partitions;
}

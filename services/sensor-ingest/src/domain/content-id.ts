import { hash } from 'node:crypto';

/**
 * `Nats-Msg-Id` of a batch: equal for a repeated request, and for no other. The gateway is part of it, so that no
 * gateway's batch swallows another's; so is its incarnation, so that what a deleted gateway sent does not swallow what
 * its successor of the same id sends.
 */
export function contentId(gatewayId: string, incarnation: string, body: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from(JSON.stringify([gatewayId, incarnation])), body]), 'base64url');
}

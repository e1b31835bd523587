import { hash, timingSafeEqual } from 'node:crypto';
import { type GatewayRecord, isId } from '@gatecast/shared/model';
import type { GatewayDirectory } from './gateway-directory.ts';

/**
 * `unauthorized`: no token, or one that nobody has; also when the gateway does not exist. `forbidden`: the token of
 * another gateway. Neither tells whether the gateway in the path exists.
 */
export type TokenVerdict =
  | { outcome: 'accepted'; gateway: GatewayRecord }
  | { outcome: 'unauthorized' }
  | { outcome: 'forbidden' };

/** RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]{1,256}=*)$/i;

const UNAUTHORIZED: TokenVerdict = { outcome: 'unauthorized' };
const FORBIDDEN: TokenVerdict = { outcome: 'forbidden' };

/**
 * Whether a request with this `Authorization` header may send readings of this gateway.
 * @throws {GatecastError} `NATS_UNAVAILABLE`, `OUTCOME_UNKNOWN` when that can only be told by asking the source
 */
export async function checkToken(
  gatewayId: string,
  authorization: string | undefined,
  directory: GatewayDirectory,
): Promise<TokenVerdict> {
  const token = BEARER.exec(authorization ?? '')?.[1];
  if (token === undefined || !isId(gatewayId)) return UNAUTHORIZED;
  const tokenHash = hash('sha256', token, 'buffer');
  const known = directory.lookup(gatewayId);
  if (known && hasToken(known, tokenHash)) return { outcome: 'accepted', gateway: known };
  if (directory.ownerOfToken(tokenHash.toString('hex')) !== undefined) return FORBIDDEN;
  const current = await directory.lookupAtSource(gatewayId);
  return current && hasToken(current, tokenHash) ? { outcome: 'accepted', gateway: current } : UNAUTHORIZED;
}

function hasToken(gateway: GatewayRecord, tokenHash: Buffer): boolean {
  const expected = Buffer.from(gateway.ingestTokenHash, 'hex');
  return expected.length === tokenHash.length && timingSafeEqual(expected, tokenHash);
}

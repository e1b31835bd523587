import type { GatewayRecord } from '@gatecast/shared/model';

/** The registered gateways and their token hashes. */
export interface GatewayDirectory {
  /** What is known here and now; a record written a moment ago may be missing. */
  lookup(gatewayId: string): GatewayRecord | undefined;
  /** The gateway whose token has this hash (SHA-256, hex), as far as is known here and now. */
  ownerOfToken(tokenHash: string): string | undefined;
  /**
   * Looks again at the source, if it may be asked now: guesses of strangers must not become its load.
   * @throws {GatecastError} `NATS_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  lookupAtSource(gatewayId: string): Promise<GatewayRecord | undefined>;
}

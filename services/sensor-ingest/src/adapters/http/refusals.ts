import { isGatecastError } from '@gatecast/shared/errors';
import type { HttpProblem } from '@gatecast/shared/http';
import { unavailable } from './problems.ts';

/**
 * What a failure of NATS means to a gateway: send it again later. It may do so even if the outcome is unknown, because
 * a batch that was stored after all is recognised by its content.
 * @throws `error` itself when it is none of NATS
 */
export function unavailableFor(error: unknown, retryAfterSeconds: number): HttpProblem {
  if (!isGatecastError(error)) throw error;
  switch (error.code) {
    case 'STORAGE_FULL':
      return unavailable('storage_full', retryAfterSeconds, error);
    case 'OUTCOME_UNKNOWN':
      return unavailable('outcome_unknown', retryAfterSeconds, error);
    default:
      return unavailable('nats_unavailable', retryAfterSeconds, error);
  }
}

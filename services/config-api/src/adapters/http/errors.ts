import { isGatecastError } from '@gatecast/shared/errors';
import { HttpProblem, type HttpProblemOptions } from '@gatecast/shared/http';
import { Refusal, type RefusalKind } from '../../domain/refusal.ts';
import { withoutUndefined } from '../../domain/without-undefined.ts';

const STATUS: Record<RefusalKind, number> = {
  invalid: 422,
  missing: 404,
  conflict: 409,
  stale: 412,
  precondition_required: 428,
};

const RETRY_AFTER_SECONDS = 2;
const RETRY_AFTER_FULL_SECONDS = 30;

/** What an error of the application means to the caller; errors that mean nothing to it are returned as they are. */
export function translateError(error: unknown): unknown {
  if (error instanceof Refusal) return fromRefusal(error);
  if (!isGatecastError(error)) return error;
  switch (error.code) {
    case 'NATS_UNAVAILABLE':
    case 'STREAM_MISSING':
      return unavailable('unavailable', 'The store does not answer; nothing was changed', { cause: error });
    case 'STORAGE_FULL':
      return new HttpProblem(503, 'storage_full', 'The store is full; nothing was changed', {
        cause: error,
        retryAfterSeconds: RETRY_AFTER_FULL_SECONDS,
      });
    case 'OUTCOME_UNKNOWN':
      return unavailable('outcome_unknown', 'The store did not answer in time', {
        cause: error,
        detail: 'The change may or may not have been made: read before you repeat it.',
      });
    case 'REVISION_CONFLICT':
      return new HttpProblem(409, 'conflict', 'It was changed at the same time; try again', { cause: error });
    default:
      return error;
  }
}

function fromRefusal({ kind, code, message, detail, faults }: Refusal): HttpProblem {
  const errors = faults.length > 0 ? [...faults] : undefined;
  return new HttpProblem(STATUS[kind], code, message, withoutUndefined({ detail, errors }));
}

function unavailable(code: string, title: string, options: HttpProblemOptions): HttpProblem {
  return new HttpProblem(503, code, title, { ...options, retryAfterSeconds: RETRY_AFTER_SECONDS });
}

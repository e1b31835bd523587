/** One field of a request that cannot be accepted as it is. */
export interface FieldFault {
  /** JSON Pointer into the body, or the name of a parameter. */
  pointer: string;
  message: string;
}

/**
 * - `invalid`: the content of the request is wrong; `faults` names each field.
 * - `missing`: there is no such object, or the caller may not know of it.
 * - `conflict`: it contradicts something that exists.
 * - `stale`: it was made against an older revision.
 * - `precondition_required`: it does not say against which revision it was made.
 */
export type RefusalKind = 'invalid' | 'missing' | 'conflict' | 'stale' | 'precondition_required';

/** A request that was understood and is not done, by a rule; nothing has changed. `code` is stable. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly code: string;
  readonly faults: readonly FieldFault[];
  readonly detail: string | undefined;

  constructor(
    kind: RefusalKind,
    code: string,
    title: string,
    more: { detail?: string; faults?: readonly FieldFault[]; cause?: unknown } = {},
  ) {
    super(title, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'Refusal';
    this.kind = kind;
    this.code = code;
    this.faults = more.faults ?? [];
    this.detail = more.detail;
  }
}

export function missing(what: string): Refusal {
  return new Refusal('missing', 'not_found', `There is no such ${what}`);
}

export function invalid(faults: readonly FieldFault[]): Refusal {
  return new Refusal('invalid', 'validation_failed', 'The request is not valid', { faults });
}

/** What was asked for has to wait until a gateway has arrived in its fleet. */
export function moveInProgress(message: string): Refusal {
  return new Refusal('conflict', 'move_in_progress', message);
}

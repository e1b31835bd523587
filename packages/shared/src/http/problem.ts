import Type, { type Static } from 'typebox';

/** One field of a request that was refused. */
export const FieldProblem = Type.Object({
  pointer: Type.String({ description: 'JSON Pointer into the body, or the name of a parameter.' }),
  message: Type.String(),
});

/** RFC 9457 problem details, with a stable `code`. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String({ description: 'Stable; switch on this.' }),
  detail: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(FieldProblem)),
});

export type FieldProblem = Static<typeof FieldProblem>;
export type Problem = Static<typeof Problem>;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export interface HttpProblemOptions {
  detail?: string;
  errors?: FieldProblem[];
  /** Seconds for the `Retry-After` header. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** An answer that is not a success. Thrown by handlers, turned into problem details by the error handler. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: FieldProblem[] | undefined;
  readonly detail: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, title: string, options: HttpProblemOptions = {}) {
    super(title, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HttpProblem';
    this.status = status;
    this.code = code;
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  toBody(): Problem {
    return {
      type: `urn:gatecast:problem:${this.code}`,
      title: this.message,
      status: this.status,
      code: this.code,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...(this.errors === undefined ? {} : { errors: this.errors }),
    };
  }
}

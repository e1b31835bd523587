import type { ErrorCode } from './codes.ts';

export interface GatecastErrorOptions {
  /** Whether the same operation may succeed later without anybody changing anything. Default false. */
  retryable?: boolean;
  cause?: unknown;
}

/** An error that crosses a boundary between modules: translated where the driver was called, `cause` kept. */
export class GatecastError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: GatecastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatecastError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** True when `error` is a GatecastError, and, if `code` is given, carries that code. */
export function isGatecastError(error: unknown, code?: ErrorCode): error is GatecastError {
  return error instanceof GatecastError && (code === undefined || error.code === code);
}

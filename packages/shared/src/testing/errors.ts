/** What can go wrong with the test infrastructure itself; tests and skip logic match on the code. */
export const TESTING_ERROR_CODES = [
  'WAIT_TIMEOUT',
  'BINARY_NOT_FOUND',
  'SERVER_TOO_OLD',
  'PROCESS_NOT_STARTED',
  'PROCESS_EXITED',
  'PORT_UNAVAILABLE',
] as const;

export type TestingErrorCode = (typeof TESTING_ERROR_CODES)[number];

/** A failure of the test infrastructure, not of what is under test. */
export class TestingError extends Error {
  readonly code: TestingErrorCode;

  constructor(code: TestingErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TestingError';
    this.code = code;
  }
}

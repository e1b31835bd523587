import type { Problem } from '@gatecast/shared/http';

/** config-api refused a request. Switch on `code`, which is stable. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Problem;
  /** From `Retry-After`, seconds. */
  readonly retryAfterSeconds: number | undefined;

  constructor(request: string, problem: Problem, retryAfterSeconds?: number) {
    const fields = (problem.errors ?? []).map(({ pointer, message }) => `${pointer} ${message}`);
    const what = [problem.title, problem.detail, ...fields].filter((part) => part !== undefined).join('; ');
    super(`${request}: ${problem.status} ${problem.code}: ${what}`);
    this.name = 'ApiError';
    this.status = problem.status;
    this.code = problem.code;
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

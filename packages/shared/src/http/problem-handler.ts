import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type FieldProblem, HttpProblem, PROBLEM_MEDIA_TYPE } from './problem.ts';

/** Makes every answer of `app` that is not a success an RFC 9457 problem, unknown routes included. */
export function useProblemDetails(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(toProblem(error), error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const problem = new HttpProblem(404, 'not_found', 'There is nothing here');
    return sendProblem(problem, problem, request, reply);
  });
}

/** What a thrown error looks like to the caller: HttpProblem as it is, Fastify's own errors by status, all else 500. */
export function toProblem(error: FastifyError | HttpProblem): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error.validation) {
    return new HttpProblem(422, 'validation_failed', 'The request is not valid', {
      errors: error.validation.map((one) => fieldProblem(one, error.validationContext ?? 'body')),
    });
  }
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpProblem(413, 'body_too_large', 'The body is too large');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HttpProblem(415, 'unsupported_media_type', 'Send application/json');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new HttpProblem(400, 'malformed_json', 'The body is not JSON');
    default:
      break;
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return new HttpProblem(status, 'bad_request', error.message);
  return new HttpProblem(500, 'internal_error', 'Something went wrong on our side', { cause: error });
}

interface ValidationIssue {
  instancePath: string;
  message?: string;
  params: Record<string, unknown>;
}

/** Ajv reports missing and unknown properties at their parent: point at the property itself. */
function fieldProblem(issue: ValidationIssue, where: string): FieldProblem {
  const { missingProperty, additionalProperty } = issue.params as {
    missingProperty?: string;
    additionalProperty?: string;
  };
  const name = missingProperty ?? additionalProperty;
  const pointer = name === undefined ? issue.instancePath : `${issue.instancePath}/${escapePointer(name)}`;
  const message = missingProperty
    ? 'is required'
    : additionalProperty
      ? 'is not known'
      : (issue.message ?? 'is not valid');
  return { pointer: where === 'body' ? pointer : pointer.replace(/^\//, ''), message };
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function sendProblem(problem: HttpProblem, error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // 503 is a state, which its cause logs once, and not a fault of each of the many requests that meet it.
  if (problem.status === 503) request.log.debug({ err: error }, 'request refused');
  else if (problem.status >= 500) request.log.error({ err: error }, 'request failed');
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(problem.toBody());
}

import type { FieldProblem } from '@gatecast/shared/http';
import { isPlainRequest, MeasurementRequest, readingTimeSeconds } from '@gatecast/shared/model';
import { Compile } from 'typebox/compile';
import { describeViolations } from './violations.ts';

export interface ReadingTimeLimits {
  maxAheadSeconds: number;
  maxAgeSeconds: number;
}

/** More would help nobody: the sender has one fault, repeated. */
const MAX_PROBLEMS = 8;

const request = Compile(MeasurementRequest);

/**
 * What is wrong with a gateway's request: empty when nothing is. Values are looked at as they were sent, nothing is
 * converted, removed or filled in.
 * @param now ms since the epoch
 */
export function checkMeasurementRequest(body: unknown, limits: ReadingTimeLimits, now: number): FieldProblem[] {
  if (!isPlainRequest(body) && !request.Check(body)) return describeViolations(request.Errors(body));
  return checkTimes(body as MeasurementRequest, limits, now);
}

function checkTimes(body: MeasurementRequest, limits: ReadingTimeLimits, now: number): FieldProblem[] {
  const latest = now / 1000 + limits.maxAheadSeconds;
  const earliest = now / 1000 - limits.maxAgeSeconds;
  const problems: FieldProblem[] = [];
  for (const [index, { time }] of body.measurements.entries()) {
    const seconds = readingTimeSeconds(time);
    if (seconds >= earliest && seconds <= latest) continue;
    const message =
      seconds > latest
        ? `is more than ${limits.maxAheadSeconds} seconds ahead`
        : `is more than ${limits.maxAgeSeconds} seconds ago`;
    problems.push({ pointer: `/measurements/${index}/time`, message });
    if (problems.length === MAX_PROBLEMS) break;
  }
  return problems;
}

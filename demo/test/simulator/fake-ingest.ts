import type { MeasurementRequest } from '@gatecast/shared/model';
import type { Outcome } from '../../src/simulator/answer.ts';

export function accepted(intervalSeconds = 60): Outcome {
  return { kind: 'answer', status: 202, retryAfter: null, code: undefined, intervalSeconds };
}

export function refused(status: number, code: string, retryAfter: string | null = null): Outcome {
  return { kind: 'answer', status, retryAfter, code, intervalSeconds: undefined };
}

/** Answers what a test has put in line, then 202. */
export class FakeIngest {
  readonly bodies: string[] = [];
  readonly next: Outcome[] = [];
  intervalSeconds = 60;
  /** While set, requests are not answered. */
  hold: Promise<void> | undefined;

  readonly post = async (body: string, signal: AbortSignal): Promise<Outcome> => {
    this.bodies.push(body);
    const aborted = new Promise<'aborted'>((resolve) => signal.addEventListener('abort', () => resolve('aborted')));
    if (this.hold && (await Promise.race([this.hold, aborted])) === 'aborted') {
      return { kind: 'no_answer', reason: 'aborted' };
    }
    return this.next.shift() ?? accepted(this.intervalSeconds);
  };

  get requests(): MeasurementRequest[] {
    return this.bodies.map((body) => JSON.parse(body) as MeasurementRequest);
  }
}

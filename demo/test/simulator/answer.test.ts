import { describe, expect, test } from 'vitest';
import { decide, type Outcome } from '../../src/simulator/answer.ts';

const answer = (status: number, rest: Partial<Extract<Outcome, { kind: 'answer' }>> = {}): Outcome => ({
  kind: 'answer',
  status,
  retryAfter: null,
  code: undefined,
  intervalSeconds: undefined,
  ...rest,
});
const half = () => 0.5;

test('202 is accepted, with the interval that it tells', () => {
  expect(decide(answer(202, { intervalSeconds: 120 }), 1, half)).toEqual({ action: 'accepted', intervalSeconds: 120 });
});

describe('sends again', () => {
  test.each([429, 503])('%i not before Retry-After, and not all at once', (status) => {
    const outcome = answer(status, { retryAfter: '5', code: 'busy' });
    expect(decide(outcome, 7, () => 0)).toEqual({ action: 'retry', delayMs: 5000, reason: `${status} busy` });
    expect(decide(outcome, 7, half)).toMatchObject({ delayMs: 5250 });
    expect(decide(answer(status, { retryAfter: '0' }), 1, () => 0)).toMatchObject({ delayMs: 0 });
  });

  test.each([408, 429, 500, 502, 503])('%i without Retry-After after a time that grows', (status) => {
    const delays = [1, 2, 3, 100].map((attempt) => decide(answer(status), attempt, half));
    expect(delays.map((decision) => decision.action === 'retry' && decision.delayMs)).toEqual([250, 500, 1000, 7500]);
  });

  test.each(['soon', '-1', 'Wed, 21 Oct 2026 07:28:00 GMT'])('a Retry-After of %j counts as none', (retryAfter) => {
    expect(decide(answer(503, { retryAfter }), 1, half)).toMatchObject({ action: 'retry', delayMs: 250 });
  });

  test('when there was no answer', () => {
    const outcome = { kind: 'no_answer', reason: 'ECONNREFUSED' } as const;
    expect(decide(outcome, 2, half)).toEqual({ action: 'retry', delayMs: 500, reason: 'ECONNREFUSED' });
  });
});

test.each([400, 413, 415, 422, 404])('%i will be no other the next time: dropped', (status) => {
  expect(decide(answer(status, { code: 'why' }), 1, half)).toEqual({ action: 'drop', reason: `${status} why` });
});

test.each([401, 403])('%i: the gateway is not known any more', (status) => {
  expect(decide(answer(status), 1, half)).toEqual({ action: 'refused', reason: String(status) });
});

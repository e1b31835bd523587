import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  brokenPromises,
  checkGateway,
  type GatewayEvidence,
  latencies,
  type SessionEvent,
  totalsOf,
} from '../../src/checker/index.ts';

/** Reading n is accepted at n × 10 ms and arrives 5 ms later. */
function clean(count: number, changes: Partial<GatewayEvidence> = {}): GatewayEvidence {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return {
    gatewayId: 'gw',
    qos: 1,
    accepted: numbers.map((n) => ({ n, sent: n * 10 - 2, time: n * 10 })),
    uncertain: [],
    delivered: numbers.map((n) => ({ n, time: n * 10 + 5 })),
    sessions: undefined,
    lost: 0,
    ...changes,
  };
}

const none = { window: 20, windowsBeyondRecord: 4, crashes: 0, sessionLosses: 0, brokerForgot: 0 };
const strict = { duplicates: none };

/** A clean run, and a place in it. */
const planted = fc
  .integer({ min: 3, max: 200 })
  .chain((count) => fc.tuple(fc.constant(clean(count)), fc.integer({ min: 0, max: count - 2 })));

describe('a clean run', () => {
  test('has no findings, and no gap longer than a reading waited', () => {
    const findings = checkGateway(clean(100));
    expect(findings).toMatchObject({ accepted: 100, delivered: 100, missing: [], duplicates: 0, outOfOrder: [] });
    expect(findings.worstGap.ms).toBe(5);
    expect(brokenPromises(findings, strict)).toEqual([]);
    expect(brokenPromises(checkGateway(clean(0)), { ...strict, worstGapMs: 0 })).toEqual([]);
  });

  test('may hold readings whose answer never came', () => {
    const evidence = clean(10, { accepted: clean(8).accepted, uncertain: [9, 10] });
    expect(brokenPromises(checkGateway(evidence), strict)).toEqual([]);
  });
});

describe('what is planted is found', () => {
  test('a loss', () => {
    fc.assert(
      fc.property(planted, ([run, index]) => {
        const delivered = run.delivered.toSpliced(index, 1);
        const findings = checkGateway({ ...run, delivered });
        expect(findings.missing).toEqual([run.delivered[index]!.n]);
        expect(brokenPromises(findings, strict)).toHaveLength(1);
        expect(brokenPromises({ ...findings, lost: 1 }, { ...strict, lossesAllowed: true })).toEqual([]);
      }),
    );
  });

  test('a duplicate, wherever it comes again', () => {
    fc.assert(
      fc.property(planted, fc.nat(), ([run, index], later) => {
        const again = index + 1 + (later % (run.delivered.length - index));
        const delivered = run.delivered.toSpliced(again, 0, run.delivered[index]!);
        const findings = checkGateway({ ...run, delivered });
        expect(findings).toMatchObject({ duplicates: 1, missing: [], outOfOrder: [] });
        expect(brokenPromises(findings, strict)).toHaveLength(1);
        const afterReset = { duplicates: { ...none, sessionLosses: 1 } };
        expect(brokenPromises(findings, afterReset)).toEqual([]);
        expect(brokenPromises({ ...findings, qos: 2 }, afterReset)).toHaveLength(1);
      }),
    );
  });

  test('two that changed places', () => {
    fc.assert(
      fc.property(planted, ([run, index]) => {
        const [first, second] = [run.delivered[index]!, run.delivered[index + 1]!];
        const swapped = [
          { n: second.n, time: first.time },
          { n: first.n, time: second.time },
        ];
        const findings = checkGateway({ ...run, delivered: run.delivered.toSpliced(index, 2, ...swapped) });
        expect(findings.outOfOrder).toEqual([first.n]);
        expect(brokenPromises(findings, strict)).toHaveLength(1);
      }),
    );
  });

  test('a reading that was never sent', () => {
    const run = clean(5);
    const findings = checkGateway({ ...run, delivered: [...run.delivered, { n: 99, time: 99 }] });
    expect(findings.unexpected).toEqual([99]);
    expect(brokenPromises(findings, strict)).toHaveLength(1);
  });

  test('a pause, but not one in which nothing waited', () => {
    const run = clean(100);
    const late = run.delivered.map(({ n, time }) => ({ n, time: n > 50 ? Math.max(time, 2_000 + n) : time }));
    const findings = checkGateway({ ...run, delivered: late });
    // 51 was accepted at 510 and came at 2051.
    expect(findings.worstGap).toEqual({ ms: 1_541, until: 2_051 });
    expect(brokenPromises(findings, { ...strict, worstGapMs: 1_000 })).toEqual([
      expect.stringContaining('nothing came for 1541 ms until 1970-01-01T00:00:02.051Z, 1000 ms allowed'),
    ]);

    const shifted = <Event extends { n: number; time: number }>(event: Event) => ({
      ...event,
      time: event.n > 50 ? event.time + 5_000 : event.time,
    });
    const idle = checkGateway({ ...run, accepted: run.accepted.map(shifted), delivered: run.delivered.map(shifted) });
    expect(idle.worstGap.ms).toBe(5);
  });
});

describe('sessions', () => {
  const connect = (connection: number, epoch?: number, moves = 0): SessionEvent => ({
    kind: 'connect',
    connection,
    time: connection,
    epoch,
    moves,
    instance: undefined,
  });
  const publish = (connection: number): SessionEvent => ({ kind: 'publish', connection, time: connection });
  const broken = (sessions: SessionEvent[], connects?: number) =>
    brokenPromises(checkGateway(clean(1, { sessions })), { ...strict, connects });

  test('of growing epochs, each publishing until the next one comes, are fine', () => {
    expect(broken([connect(1, 5), publish(1), connect(2, 5), publish(2), connect(3, 9), publish(3)], 3)).toEqual([]);
  });

  test('in another fleet an owner may be later with a lower epoch', () => {
    expect(broken([connect(1, 9), publish(1), connect(2, 5, 1), publish(2)])).toEqual([]);
    expect(broken([connect(1, 9), connect(2, 5, 1), publish(1), connect(3, 10)])).toHaveLength(2);
  });

  test('a former owner that publishes or comes back is found, and a client that connects too often', () => {
    expect(broken([connect(1, 5), connect(2, 9), publish(1)])).toHaveLength(1);
    expect(broken([connect(1, 5), connect(2, 9), connect(3, 5)])).toHaveLength(1);
    expect(broken([connect(1, 5), connect(2, 9), connect(3, 5), publish(3)])).toHaveLength(2);
    expect(broken([connect(1), connect(2), publish(1)])).toEqual([]);
    expect(broken([connect(1, 5), connect(2, 5)], 1)).toHaveLength(1);
  });
});

test('the bound on duplicates: five windows a crash, one a lost session, none at QoS 0 and 2 while the broker remembers', () => {
  const run = clean(300);
  const repeated = { ...run, delivered: [...run.delivered, ...run.delivered.slice(0, 220)] };
  const promises = { duplicates: { ...none, crashes: 2, sessionLosses: 1 } };
  expect(brokenPromises(checkGateway(repeated), promises)).toEqual([]);
  expect(brokenPromises(checkGateway({ ...repeated, qos: 0 }), promises)).toHaveLength(1);
  expect(brokenPromises(checkGateway({ ...repeated, qos: 2 }), promises)).toHaveLength(1);
  const forgot = { duplicates: { ...none, brokerForgot: 11 } };
  expect(brokenPromises(checkGateway({ ...repeated, qos: 2 }), forgot)).toEqual([]);
  const oneMore = { ...repeated, delivered: [...repeated.delivered, run.delivered[299]!] };
  expect(brokenPromises(checkGateway(oneMore), promises)).toEqual(['gw (QoS 1): 221 duplicates, 220 allowed']);
});

test('totals add up, gaps do not', () => {
  const one = checkGateway(clean(10));
  const two = checkGateway(
    clean(20, { delivered: clean(20).delivered.map(({ n, time }) => ({ n, time: time + 100 })) }),
  );
  expect(totalsOf([one, two])).toMatchObject({ gateways: 2, accepted: 30, delivered: 30, missing: 0, worstGapMs: 105 });
});

test('latency is from the first sending to the first delivery, of what was sent in the period', () => {
  const { accepted, delivered } = clean(10, { delivered: [...clean(9).delivered, { n: 3, time: 999 }] });
  expect(latencies(accepted, delivered, { from: 0, to: 1_000 })).toEqual(Array.from({ length: 9 }, () => 7));
  // 3 is sent at 28, 5 at 48.
  expect(latencies(accepted, delivered, { from: 28, to: 48 })).toHaveLength(2);
});

import { ALL_PARTS, type GatewayEncoderPosition } from '@gatecast/shared/model';
import { ManualClock } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { LineLag } from '../../src/domain/line-lag.ts';

function lineLag() {
  const clock = new ManualClock();
  const lag = new LineLag({ maxGatewayLagMs: 60_000, maxLineLagMs: 120_000, partitions: 1, clock });
  let sequence = 0;
  const accept = (gatewayId: string, fleet = 'default') => {
    sequence += 1;
    lag.accepted({ gatewayId, fleet, sequence });
    return sequence;
  };
  /** What the encoder has recorded: everything up to `seq`, and of some gateways all up to a later source. */
  const look = (seq: number, ahead: Record<string, number> = {}, part = ALL_PARTS) => {
    const position = (s: number): GatewayEncoderPosition => ({ i: 'first', c: s, s, p: part });
    const gateways = Object.fromEntries(Object.entries(ahead).map(([id, s]) => [id, position(s)]));
    lag.recorded(0, { seq, gateways });
    return lag.judgeLines();
  };
  const of = (gatewayId: string, fleet = 'default') => lag.lagOf({ gatewayId, fleet });
  return { clock, lag, accept, look, of };
}

test('a gateway is behind when its oldest batch waits for too long, and no longer once that is encoded', async () => {
  const { clock, lag, accept, look, of } = lineLag();
  const first = accept('slow');
  await clock.advance(60_000);
  look(0);
  expect(of('slow')).toBe('none');
  await clock.advance(1);
  look(0);
  expect([of('slow'), of('unheard-of')]).toEqual(['gateway', 'none']);
  expect([lag.gatewaysBehind, lag.oldestAgeMs]).toEqual([1, 60_001]);
  look(first);
  expect(of('slow')).toBe('none');
  expect([lag.gatewaysBehind, lag.oldestAgeMs, lag.waitingPartitions()]).toEqual([0, 0, []]);
});

test('what the encoder has recorded of a gateway counts, though the partition waits for another one', async () => {
  const { clock, accept, look, of } = lineLag();
  accept('stuck');
  const last = accept('well');
  await clock.advance(100_000);
  look(0, { well: last });
  expect([of('stuck'), of('well')]).toEqual(['gateway', 'none']);
});

test('a source that is encoded in part is not encoded', async () => {
  const { clock, accept, look, of } = lineLag();
  const only = accept('half');
  await clock.advance(100_000);
  look(0, { half: only }, 3);
  expect(of('half')).toBe('gateway');
});

test('nobody falls behind while nobody can look', async () => {
  const { clock, accept, look, of } = lineLag();
  accept('gw');
  look(0);
  await clock.advance(600_000);
  expect(of('gw')).toBe('none');
});

test('the line of a fleet is behind when most of its gateways are; another fleet’s is not', async () => {
  const { clock, accept, look, of } = lineLag();
  accept('a', 'full');
  accept('b', 'full');
  const healthy = accept('c', 'free');
  await clock.advance(119_999);
  const quiet = accept('d', 'full');
  expect(look(0, { c: healthy, d: quiet })).toEqual([]);
  expect([of('a', 'full'), of('d', 'full')]).toEqual(['gateway', 'none']);
  await clock.advance(2);
  expect(look(0, { c: healthy, d: quiet })).toEqual([{ fleet: 'full', isBehind: true }]);
  expect([of('a', 'full'), of('d', 'full'), of('new', 'full')]).toEqual(['line', 'line', 'line']);
  expect([of('c', 'free'), of('new', 'free')]).toEqual(['none', 'none']);
  expect(look(quiet)).toEqual([{ fleet: 'full', isBehind: false }]);
  expect(of('a', 'full')).toBe('none');
});

test('half of a fleet’s gateways being behind is their own affair', async () => {
  const { clock, accept, look, of } = lineLag();
  accept('stuck');
  const last = accept('well');
  await clock.advance(500_000);
  look(0, { well: last });
  expect([of('stuck'), of('well')]).toEqual(['gateway', 'none']);
});

test('a gateway that was not heard for longer than any measures no longer speaks for its fleet', async () => {
  const { clock, accept, look, of } = lineLag();
  const last = accept('gone');
  await clock.advance(480_000);
  const stuck = accept('stuck');
  await clock.advance(120_001);
  look(last);
  expect(of('other')).toBe('line');
  look(stuck);
  expect(of('other')).toBe('none');
});

test('remembers a bounded number of batches of a gateway, and its age not shorter than it is', async () => {
  const { clock, lag, accept, look, of } = lineLag();
  for (let n = 0; n < 59_000; n += 10) {
    accept('busy');
    await clock.advance(10);
  }
  look(5_000);
  expect(lag.oldestAgeMs).toBeGreaterThanOrEqual(9_000);
  expect(lag.oldestAgeMs).toBeLessThanOrEqual(12_010);
  await clock.advance(60_000);
  look(5_000);
  expect(of('busy')).toBe('gateway');
});

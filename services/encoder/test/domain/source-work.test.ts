import type { Measurement } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { describe, expect, it } from 'vitest';
import type { Encoder } from '../../src/domain/formats/encoder.ts';
import { RecentReadings } from '../../src/domain/recent-readings.ts';
import { encodeReadings, metadataUnits, type RepeatTest, stepsOf } from '../../src/domain/source-work.ts';

const message = (topic: string): MqttMessage => ({ topic, payload: Buffer.from('x'), retain: false });
const reading = (sensorId: string, time: number | string): Measurement => ({ sensorId, time, values: { co2: 1 } });

const encoder: Encoder = {
  encode({ sensorId }) {
    if (sensorId === 'bad') return 'topic_invalid';
    if (sensorId === 'bug') throw new Error('a bug');
    return [message(sensorId === 'big' ? 'x'.repeat(1000) : sensorId)];
  },
};

function encode(measurements: Measurement[], { done = 0, recent = new RecentReadings(100) } = {}) {
  const isRepeat: RepeatTest = (sensorId, timeMs) => recent.isRepeat('A', sensorId, timeMs);
  return encodeReadings({ measurements }, done, encoder, () => undefined, isRepeat, 500);
}

describe('encodeReadings', () => {
  it('makes every reading a step, after that of the metadata', () => {
    const { units, refused, repeats } = encode([reading('a', 1), reading('b', 1)]);
    expect(units.map(({ step, messages }) => [step, messages[0]?.topic])).toEqual([
      [2, 'a'],
      [3, 'b'],
    ]);
    expect({ refused, repeats }).toEqual({ refused: [], repeats: 0 });
    expect(stepsOf({ measurements: [reading('a', 1), reading('b', 1)] })).toBe(3);
  });

  it('leaves out repeats, in any notation of the time', () => {
    const { units, repeats } = encode([
      reading('a', 1729716854),
      reading('a', '1729716854'),
      reading('a', 1729716854000),
    ]);
    expect(units).toHaveLength(1);
    expect(repeats).toBe(2);
  });

  it('takes two readings within one second for two', () => {
    expect(encode([reading('a', 1729716854001), reading('a', 1729716854002)]).units).toHaveLength(2);
  });

  it('sets aside what cannot be encoded, alone', () => {
    const { units, refused } = encode([reading('bad', 1), reading('a', 1), reading('bug', 1), reading('big', 1)]);
    expect(units.map(({ step }) => step)).toEqual([3]);
    expect(refused).toEqual([
      { step: 2, index: 0, reason: 'topic_invalid' },
      { step: 4, index: 2, reason: 'encoding_failed', cause: expect.any(Error) },
      { step: 5, index: 3, reason: 'message_too_large' },
    ]);
  });

  it('goes on behind what was done, and remembers that', () => {
    const { units, repeats } = encode([reading('a', 1), reading('b', 1), reading('a', 1)], { done: 2 });
    expect(units.map(({ step }) => step)).toEqual([3]);
    expect(repeats).toBe(1);
  });

  it('counts the bytes that a batch will have', () => {
    expect(encode([reading('a', 1)]).units[0]?.bytes).toBe(7 + 1 + 1);
  });
});

describe('metadataUnits', () => {
  it('is done with the last of its messages', () => {
    expect(metadataUnits([message('a'), message('b'), message('c')]).map(({ step }) => step)).toEqual([0, 0, 1]);
    expect(metadataUnits([])).toEqual([]);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBatch, encodeBatch, encodedSize, type MqttMessage } from '../../src/outbox/index.ts';

const message: fc.Arbitrary<MqttMessage> = fc.record({
  topic: fc.string({ unit: 'grapheme', maxLength: 80 }),
  payload: fc.uint8Array({ maxLength: 300 }),
  retain: fc.boolean(),
});
const batch = fc.array(message, { maxLength: 30 });

const plain = (messages: readonly MqttMessage[]) =>
  messages.map(({ topic, payload, retain }) => ({ topic, payload: Buffer.from(payload).toString('hex'), retain }));

test('any batch comes out as it went in, and is as large as was said', () => {
  fc.assert(
    fc.property(batch, (messages) => {
      const body = encodeBatch(messages);
      expect(plain(decodeBatch(body))).toEqual(plain(messages));
      expect(body.byteLength).toBe(messages.reduce((bytes, one) => bytes + encodedSize(one), 0));
    }),
  );
});

test('a batch is read in whatever larger buffer it lies', () => {
  fc.assert(
    fc.property(batch, fc.nat({ max: 20 }), (messages, before) => {
      const body = encodeBatch(messages);
      const buffer = new Uint8Array(before + body.byteLength + 5).fill(0xff);
      buffer.set(body, before);
      const view = new Uint8Array(buffer.buffer, before, body.byteLength);
      expect(plain(decodeBatch(view))).toEqual(plain(messages));
    }),
  );
});

test('payloads are views of the body, not copies', () => {
  const body = encodeBatch([{ topic: 'a/b', payload: Buffer.from('22.8'), retain: false }]);
  const [decoded] = decodeBatch(body);
  expect(decoded!.payload.buffer).toBe(body.buffer);
});

test('a batch that was cut short is refused, unless it was cut between two messages', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), fc.nat(), (messages, seed) => {
      const body = encodeBatch(messages);
      const boundaries = messages.map((_, n) => encodeBatch(messages.slice(0, n)).byteLength);
      const length = seed % body.byteLength;
      if (boundaries.includes(length)) {
        expect(decodeBatch(body.subarray(0, length)).length).toBeLessThan(messages.length);
      } else {
        expect(() => decodeBatch(body.subarray(0, length))).toThrow(
          expect.objectContaining({ code: 'PAYLOAD_MALFORMED' }),
        );
      }
    }),
  );
});

test('bytes that are no batch are refused, or decoded, but do nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      try {
        decodeBatch(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'PAYLOAD_MALFORMED' });
      }
    }),
  );
});

test('the longest topic of MQTT fits, a longer one is refused', () => {
  const of = (bytes: number): MqttMessage => ({ topic: 'x'.repeat(bytes), payload: new Uint8Array(), retain: true });
  expect(decodeBatch(encodeBatch([of(65_535)]))[0]!.topic).toHaveLength(65_535);
  expect(() => encodeBatch([of(65_536)])).toThrow(expect.objectContaining({ code: 'PAYLOAD_MALFORMED' }));
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentId } from '../../src/domain/content-id.ts';

const text = fc.string({ minLength: 1 });
const bytes = fc.uint8Array({ maxLength: 64 });

test('is the same for the same content, whichever buffer holds it', () => {
  fc.assert(
    fc.property(text, text, bytes, (gateway, incarnation, body) => {
      expect(contentId(gateway, incarnation, body)).toBe(contentId(gateway, incarnation, Uint8Array.from(body)));
    }),
  );
});

test('differs when gateway, incarnation or body do, wherever one ends and the next begins', () => {
  const parts = fc.tuple(text, text, bytes);
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      fc.pre(JSON.stringify([a[0], a[1], [...a[2]]]) !== JSON.stringify([b[0], b[1], [...b[2]]]));
      expect(contentId(...a)).not.toBe(contentId(...b));
    }),
  );
  expect(contentId('ab', 'c', new Uint8Array())).not.toBe(contentId('a', 'bc', new Uint8Array()));
});

test('fits a header', () => {
  expect(contentId('a', 'b', new Uint8Array())).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

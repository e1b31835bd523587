import { expect, test } from 'vitest';
import { clip, count, duration, printable } from '../../src/view/text.ts';

test('printable: nothing that could move the cursor', () => {
  expect(printable('a\u001b[2Jb\nc\td\u0007\u009b\u2028\u202e é µ 日')).toBe('a·[2Jb·c·d···· é µ 日');
});

test.each([
  ['hello', 5, 'hello'],
  ['hello', 4, 'hel…'],
  ['hello', 1, '…'],
  ['hello', 0, ''],
  ['𝒳𝒴𝒵', 3, '𝒳𝒴𝒵'],
  ['𝒳𝒴𝒵', 2, '𝒳…'],
])('clip %j to %i', (text, width, clipped) => {
  expect(clip(text, width)).toBe(clipped);
});

test.each([
  [-5, '0.0 s'],
  [1234, '1.2 s'],
  [9_949, '9.9 s'],
  [9_950, '10 s'],
  [99_400, '99 s'],
  [99_600, '2 min'],
  [5_900_000, '98 min'],
  [7_200_000, '2 h'],
])('duration of %i ms', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('counts are grouped', () => {
  expect(count(1_234_567)).toBe('1,234,567');
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderFrame } from '../../src/view/frame.ts';
import { plainPaint } from '../../src/view/paint.ts';
import { messages, row, scene } from './scene.ts';

test('how long it runs, the table, and the latest messages', () => {
  const shown = scene({ messages: messages(30), messageCount: 1030 });
  const lines = renderFrame(shown, { width: 100, height: 12 }, plainPaint);
  expect(lines[0]).toBe('running for 12 s, first message after 3.2 s');
  expect(lines[1]).toMatch(/^GATEWAY/);
  expect(lines.slice(3)).toEqual([
    '',
    'What a subscriber sees (1,030 messages so far)',
    ...messages(7, 24).map(({ topic, payload }) => `${topic} ${payload}`),
  ]);
});

test('says what is wrong', () => {
  const board = { rows: [row()], others: new Map(), problem: 'the API does not answer: fetch failed' };
  const shown = scene({ board, subscriberProblem: 'not authorized\u001b[2J', firstMessageAfterMs: undefined });
  const text = renderFrame(shown, { width: 100, height: 20 }, plainPaint).join('\n');
  expect(text).toContain('no message yet');
  expect(text).toContain('the API does not answer: fetch failed');
  expect(text).toContain('A subscriber sees nothing: not authorized·[2J');
});

test('a broker’s messages cannot write elsewhere on the screen', () => {
  const shown = scene({ messages: [{ topic: 'a\u001b[H', payload: 'b\r\nc' }] });
  expect(renderFrame(shown, { width: 80, height: 20 }, plainPaint).at(-1)).toBe('a·[H b··c');
});

test('fits every terminal', () => {
  fc.assert(
    fc.property(
      fc.nat(20),
      fc.nat(50),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 200 }),
      (...sizes) => {
        const [rows, seen, height, width] = sizes;
        const board = { rows: Array.from({ length: rows }, () => row()), others: new Map(), problem: 'down' };
        const lines = renderFrame(scene({ board, messages: messages(seen) }), { width, height }, plainPaint);
        expect(lines.length).toBeLessThanOrEqual(height);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
      },
    ),
  );
});

test('a table that is too long leaves room for messages', () => {
  const board = { rows: Array.from({ length: 20 }, () => row()), others: new Map(), problem: undefined };
  const lines = renderFrame(scene({ board, messages: messages(9) }), { width: 80, height: 20 }, plainPaint);
  expect(lines).toHaveLength(20);
  expect(lines[16]).toMatch(/What a subscriber sees/);
  expect(lines[14]).toBe('…');
});

import { beforeEach, expect, test } from 'vitest';
import { PlainView } from '../../src/view/plain-view.ts';
import { messages, row, scene } from './scene.ts';

let written: string;
let view: PlainView;

beforeEach(() => {
  written = '';
  view = new PlainView((text) => {
    written += text;
  });
});

function shown(changes: Parameters<typeof scene>[0]): string[] {
  written = '';
  view.show(scene(changes));
  return written.split('\n').slice(0, -1);
}

test('the table every five seconds, and when a status changes', () => {
  const isTable = (lines: string[]) => lines.some((line) => line.startsWith('GATEWAY'));
  expect(isTable(shown({ runningMs: 1000 }))).toBe(true);
  expect(shown({ runningMs: 2000 })).toEqual([]);
  expect(isTable(shown({ runningMs: 6000 }))).toBe(true);
  const board = { rows: [row({ code: 'MQTT_ERROR_CONN_REFUSED' })], others: new Map(), problem: undefined };
  expect(isTable(shown({ runningMs: 7000, board }))).toBe(true);
  expect(shown({ runningMs: 8000, board })).toEqual([]);
});

test('the messages that came since, five at most', () => {
  shown({});
  expect(shown({ messages: messages(2), messageCount: 2 })).toEqual(['Aranet/gw/1 22.8', 'Aranet/gw/2 22.8']);
  expect(shown({ messages: messages(2), messageCount: 2 })).toEqual([]);
  expect(shown({ messages: messages(50, 53), messageCount: 102 })).toEqual([
    '(95 more)',
    ...messages(5, 98).map(({ topic }) => `${topic} 22.8`),
  ]);
});

test('a problem once, and not its end', () => {
  shown({});
  expect(shown({ subscriberProblem: 'connecting' })).toEqual(['a subscriber sees nothing: connecting']);
  expect(shown({ subscriberProblem: 'connecting' })).toEqual([]);
  expect(shown({})).toEqual([]);
  expect(shown({ subscriberProblem: 'connecting' })).toHaveLength(1);
});

test('at the end the table, unless it was the last thing shown; then only what is printed', () => {
  shown({ runningMs: 1000 });
  shown({ runningMs: 2000 });
  written = '';
  view.close();
  expect(written).toMatch(/^--- .*\nGATEWAY .*\n394260700033 .*\n---\n$/);
  written = '';
  expect(shown({})).toEqual([]);
  view.print('stopped');
  expect(written).toBe('stopped\n');
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Board } from '../../src/status-board.ts';
import { type Paint, plainPaint } from '../../src/view/paint.ts';
import { renderTable } from '../../src/view/table.ts';
import { NOW, row } from './scene.ts';

const board = (...rows: Board['rows']): Board => ({ rows, others: new Map(), problem: undefined });

test('a line for each gateway under the titles', () => {
  const rows = [
    row(),
    row({
      gatewayId: 'b',
      format: 'azure',
      code: 'MQTT_ERROR_CONN_REFUSED',
      class: 'remote',
      delivered: 0,
      lastDeliveredAt: undefined,
      backlog: 1500,
      lost: 7,
    }),
  ];
  expect(renderTable(board(...rows), 120, NOW, plainPaint)).toEqual([
    'GATEWAY       HOST             FORMAT  STATUS                   DELIVERED       LAST         BACKLOG',
    '394260700033  127.0.0.1:40001  json    MQTT_INFO_NO_ERR             1,234  1.2 s ago               0',
    'b             127.0.0.1:40001  azure   MQTT_ERROR_CONN_REFUSED          0          –  1,500 (7 lost)',
  ]);
});

test('columns give way to a narrow terminal, the least important first', () => {
  const titles = (width: number) => renderTable(board(row()), width, NOW, plainPaint)[0]!.split(/ {2,}/);
  expect(titles(86)).toEqual(['GATEWAY', 'HOST', 'FORMAT', 'STATUS', 'DELIVERED', 'LAST', 'BACKLOG']);
  expect(titles(80)).toEqual(['GATEWAY', 'HOST', 'STATUS', 'DELIVERED', 'LAST', 'BACKLOG']);
  expect(titles(70)).toEqual(['GATEWAY', 'HOST', 'STATUS', 'DELIVERED', 'LAST']);
  expect(titles(60)).toEqual(['GATEWAY', 'STATUS', 'DELIVERED', 'LAST']);
  expect(titles(42)).toEqual(['GATEWAY', 'STATUS', 'DELIVERED']);
  expect(titles(30)).toEqual(['GATEWAY', 'STATUS']);
  expect(titles(20)).toEqual(['GATEWAY']);
});

test('no line is wider than the terminal', () => {
  const anyRow = fc.record({
    gatewayId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
    host: fc.stringMatching(/^[a-z.:]{1,253}$/),
    format: fc.constantFrom('raw', 'json', 'azure'),
    code: fc.constantFrom('MQTT_INFO_NO_ERR', 'MQTT_ERROR_HOST_UNREACHABLE', 'deleted'),
    class: fc.constantFrom('ok', 'user', undefined),
    delivered: fc.nat(),
    lastDeliveredAt: fc.option(fc.nat(), { nil: undefined }),
    backlog: fc.nat(),
    lost: fc.nat(),
  });
  const others = fc.constantFrom<[string, number][]>(
    [],
    [
      ['MQTT_INFO_NO_ERR', 900],
      ['MQTT_ERROR_AUTH_FAILED', 2],
    ],
  );
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 5 }), others, fc.integer({ min: 1, max: 200 }), (rows, more, width) => {
      const lines = renderTable({ rows, others: new Map(more), problem: undefined }, width, NOW, plainPaint);
      expect(lines).toHaveLength(1 + rows.length + (more.length > 0 ? 1 : 0));
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
    }),
  );
});

test('the colour of a status tells whose turn it is', () => {
  const paint: Paint = (style, text) => `<${style}>${text.trim()}</>`;
  const classes = ['ok', 'pending', 'off', 'remote', 'user', 'platform', undefined] as const;
  const lines = renderTable(board(...classes.map((statusClass) => row({ class: statusClass }))), 120, NOW, paint);
  const styles = lines.slice(1).map((line) => /<(\w+)>MQTT/.exec(line)?.[1]);
  expect(styles).toEqual(['green', 'yellow', 'dim', 'red', 'red', 'red', 'red']);
});

test('gateways without a line are counted by code', () => {
  const others = new Map([
    ['MQTT_INFO_NO_ERR', 1100],
    ['MQTT_ERROR_AUTH_FAILED', 2],
  ]);
  expect(renderTable({ rows: [], others, problem: undefined }, 120, NOW, plainPaint).at(-1)).toBe(
    '  and 1,102 more: 1,100 MQTT_INFO_NO_ERR, 2 MQTT_ERROR_AUTH_FAILED',
  );
});

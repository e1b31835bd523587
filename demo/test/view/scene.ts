import type { BoardRow } from '../../src/status-board.ts';
import type { Scene } from '../../src/view/frame.ts';

export const NOW = Date.UTC(2026, 0, 1);

export function row(changes: Partial<BoardRow> = {}): BoardRow {
  return {
    gatewayId: '394260700033',
    host: '127.0.0.1:40001',
    format: 'json',
    code: 'MQTT_INFO_NO_ERR',
    class: 'ok',
    delivered: 1234,
    lastDeliveredAt: NOW - 1200,
    backlog: 0,
    lost: 0,
    ...changes,
  };
}

export function scene(changes: Partial<Scene> = {}): Scene {
  return {
    board: { rows: [row()], others: new Map(), problem: undefined },
    messages: [],
    messageCount: 0,
    subscriberProblem: undefined,
    firstMessageAfterMs: 3200,
    runningMs: 12_000,
    now: NOW,
    ...changes,
  };
}

export function messages(count: number, from = 1) {
  return Array.from({ length: count }, (_, index) => ({ topic: `Aranet/gw/${from + index}`, payload: '22.8' }));
}

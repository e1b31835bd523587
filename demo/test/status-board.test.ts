import { ApiError, type GatewayRead, type StatusRead } from '@gatecast/local-stack';
import { expect, test } from 'vitest';
import { StatusBoard } from '../src/status-board.ts';

const STATUS: StatusRead = {
  code: 'MQTT_INFO_NO_ERR',
  class: 'ok',
  reason: 'delivering',
  active: true,
  since: '2026-01-01T00:00:00.000Z',
  updated: '2026-01-01T00:00:00.000Z',
  message: '',
  attempt: 0,
  delivered: 12,
  lastDeliveredAt: '2026-01-01T00:00:05.000Z',
  backlog: { messages: 3, lost: 1 },
};

/** Knows every gateway but `gone`; answers nothing while `isDown`. */
class FakeApi {
  isDown = false;
  asked: string[] = [];

  async status(gatewayId: string): Promise<StatusRead> {
    this.#answer(gatewayId);
    return { ...STATUS, code: gatewayId === 'off' ? 'MQTT_INFO_DISABLED_BY_USER' : STATUS.code };
  }

  async getIntegration(gatewayId: string) {
    this.#answer(gatewayId);
    const value = { host: '::1', port: 1883, format: 'raw' as const, passwordSet: false, fingerprints: {} };
    return { value: gatewayId === 'off' ? { passwordSet: false, fingerprints: {} } : value, etag: '"1"' };
  }

  async listGateways(): Promise<GatewayRead[]> {
    if (this.isDown) throw new TypeError('fetch failed');
    const codes = ['MQTT_INFO_NO_ERR', 'MQTT_ERROR_CONN_REFUSED', 'MQTT_INFO_NO_ERR'] as const;
    return Array.from({ length: 30 }, (_, index) => ({
      gatewayId: `gw-${index}`,
      workspace: 'default',
      fleet: 'default',
      createdAt: '',
      online: true,
      status: { ...STATUS, code: codes[index % 3]! },
    }));
  }

  #answer(gatewayId: string): void {
    this.asked.push(gatewayId);
    if (this.isDown) throw new TypeError('fetch failed');
    if (gatewayId === 'gone') throw new ApiError('GET', { type: '', title: 'no', status: 404, code: 'not_found' });
  }
}

test('a row for each gateway, also for one that is off or deleted', async () => {
  const board = new StatusBoard(new FakeApi(), ['a', 'off', 'gone']);
  expect((await board.refresh()).rows).toEqual([
    {
      gatewayId: 'a',
      host: '[::1]:1883',
      format: 'raw',
      code: 'MQTT_INFO_NO_ERR',
      class: 'ok',
      delivered: 12,
      lastDeliveredAt: Date.parse('2026-01-01T00:00:05Z'),
      backlog: 3,
      lost: 1,
    },
    expect.objectContaining({ gatewayId: 'off', host: '–', format: 'json', code: 'MQTT_INFO_DISABLED_BY_USER' }),
    expect.objectContaining({ gatewayId: 'gone', code: 'deleted', class: undefined }),
  ]);
  expect(board.board.problem).toBeUndefined();
});

test('an API that does not answer leaves the rows as they were', async () => {
  const api = new FakeApi();
  const board = new StatusBoard(api, ['a']);
  const { rows } = await board.refresh();
  api.isDown = true;
  expect(await board.refresh()).toMatchObject({ rows, problem: 'the API does not answer: fetch failed' });
  api.isDown = false;
  expect(await board.refresh()).toMatchObject({ rows, problem: undefined });
});

test('of a large fleet, the first are looked at one by one and the rest is counted', async () => {
  const api = new FakeApi();
  const ids = Array.from({ length: 30 }, (_, index) => `gw-${index}`);
  const { rows, others } = await new StatusBoard(api, ids).refresh();
  expect(rows).toHaveLength(20);
  expect(new Set(api.asked).size).toBe(20);
  expect(Object.fromEntries(others)).toEqual({ MQTT_INFO_NO_ERR: 7, MQTT_ERROR_CONN_REFUSED: 3 });
});

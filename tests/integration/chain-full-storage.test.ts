import { LocalStack } from '@gatecast/local-stack';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { firstSeen } from './support/delivered.ts';
import { readingTimes } from './support/traffic.ts';

test('READINGS full: 503 with Retry-After, and everything accepted before arrives', async () => {
  await using broker = await FaultableBroker.start();
  await using stack = await LocalStack.start({
    partitions: 8,
    env: {
      'config-api': { GATECAST_READINGS_MAX_BYTES: String(1024 * 1024) },
      'sensor-ingest': { GATECAST_STORAGE_POLL_MS: '100' },
    },
  });
  const gateway = await stack.registerGateway({ gatewayId: 'full', mqtt: { host: broker.host, port: broker.port } });
  await stack.services.encoder.kill('SIGKILL');
  const accepted: number[] = [];
  const start = Math.floor(Date.now() / 1000) - 80_000;
  for (let time = start; ; time += 100) {
    const times = Array.from({ length: 100 }, (_, index) => time + index);
    const answer = await gateway.send(times.map((at) => ({ sensorId: '3002FA', time: at, values: { co2: '452' } })));
    if (answer.status === 503) {
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(answer.body.code).toMatch(/storage/);
      break;
    }
    expect(answer.status).toBe(202);
    accepted.push(...times);
  }
  expect(accepted.length).toBeGreaterThan(1_000);
  await stack.services.encoder.restart();
  const delivered = () => readingTimes(broker.messages, 'full');
  await waitFor(() => firstSeen(delivered()).length >= accepted.length, {
    timeoutMs: 60_000,
    describe: () => `${accepted.length}, got ${delivered().length}`,
  });
  expect(delivered()).toEqual(accepted);
});

import { LocalStack } from '@gatecast/local-stack';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { readingTimes } from './support/traffic.ts';

test('encoder stopped: 429 for who waits, then 503 for its fleet; afterwards all that was accepted arrives', async () => {
  await using broker = await FaultableBroker.start();
  await using stack = await LocalStack.start({
    partitions: 8,
    env: {
      'sensor-ingest': {
        GATECAST_MAX_GATEWAY_LAG_SECONDS: '2',
        GATECAST_MAX_LINE_LAG_SECONDS: '5',
        GATECAST_LAG_POLL_MS: '100',
      },
    },
  });
  const mqtt = { host: broker.host, port: broker.port };
  const busy = await stack.registerGateway({ gatewayId: 'busy', mqtt });
  const quiet = await stack.registerGateway({ gatewayId: 'quiet', mqtt });
  const accepted: number[] = [];
  let time = Math.floor(Date.now() / 1000) - 10_000;
  const send = async () => {
    time += 1;
    const answer = await busy.send([{ sensorId: '3002FA', time, values: { co2: '452' } }]);
    if (answer.status === 202) accepted.push(time);
    return answer;
  };
  const until = (code: string) => waitFor(async () => (await send()).body.code === code, { timeoutMs: 30_000 });

  await send();
  await waitFor(() => readingTimes(broker.messages, 'busy').length === 1, { timeoutMs: 30_000 });
  await stack.services.encoder.kill('SIGKILL');
  await until('gateway_behind');
  expect((await quiet.send([{ sensorId: '3002FA', time, values: { co2: '1' } }])).status).toBe(202);
  await until('line_behind');
  const refused = await send();
  expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([503, 2]);

  await stack.services.encoder.restart();
  await waitFor(async () => (await send()).status === 202, { timeoutMs: 60_000 });
  await waitFor(() => readingTimes(broker.messages, 'busy').length >= accepted.length, {
    timeoutMs: 60_000,
    describe: () => `${accepted.length}, got ${readingTimes(broker.messages, 'busy').length}`,
  });
  expect(readingTimes(broker.messages, 'busy')).toEqual(accepted);
});

import { LocalStack } from '@gatecast/local-stack';
import { FaultableBroker, OtlpReceiver, type ReceivedSpan, waitFor } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';

const INTERNAL_PARENT = '';

test('one trace leads from the request through the encoder to the acknowledgement', async () => {
  await using receiver = await OtlpReceiver.start();
  await using broker = await FaultableBroker.start();
  await using stack = await LocalStack.start({ partitions: 4, commonEnv: receiver.env });
  const gateway = await stack.registerGateway({ gatewayId: 'traced', mqtt: { host: broker.host, port: broker.port } });
  const time = Math.floor(Date.now() / 1000);
  expect((await gateway.send([{ sensorId: '3002FA', time, values: { co2: 452 } }])).status).toBe(202);
  await waitFor(() => broker.messages.some(({ topic }) => topic.endsWith('/measurements')));

  const trace = await receiver.waitForTrace((spans) => services(spans).size === 3, { timeoutMs: 20_000 });
  const byService = (service: string) => trace.filter((span) => span.service === `gatecast-${service}`);
  const publish = byService('mqtt-publisher')[0]!;
  const encode = byService('encoder').find((span) => span.spanId === publish.parentSpanId)!;
  const send = byService('sensor-ingest').find((span) => span.spanId === encode.parentSpanId)!;
  const request = byService('sensor-ingest').find((span) => span.spanId === send.parentSpanId)!;
  expect(request.parentSpanId).toBe(INTERNAL_PARENT);
  expect(request.name).toContain('/v1/gateways/{gatewayId}/measurements');
  for (const span of [publish, encode, request]) {
    expect(Object.values(span.attributes)).toContain('traced');
    expect(span.name).not.toContain('traced');
  }
});

function services(spans: readonly ReceivedSpan[]): Set<string> {
  return new Set(spans.map(({ service }) => service));
}

import { createServer, type Server, type Socket } from 'node:net';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliveredCounters, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

let fixture: PublisherFixture;
let broker: FaultableBroker;
const servers: Server[] = [];

beforeAll(async () => {
  fixture = await PublisherFixture.start();
  broker = await FaultableBroker.start();
  await fixture.configure('honest', { host: broker.host, port: broker.port });
});

afterAll(async () => {
  for (const server of servers) server.close();
  await fixture.stop();
  await broker.stop();
});

const CONNACK = generate({ cmd: 'connack', returnCode: 0, sessionPresent: false });

/** A "broker" that answers CONNECT with a CONNACK and does its worst at the first PUBLISH. Returns the port. */
async function hostileBroker(misbehave: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      socket.write(CONNACK);
      socket.once('data', () => misbehave(socket));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

/** Sends an endless packet, as fast as it is taken. */
function sendEndlessPublish(socket: Socket): void {
  socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
  const chunk = Buffer.alloc(64 * 1024, 0x41);
  const pour = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', pour);
  pour();
}

describe('a broker that', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['sends a packet without end', sendEndlessPublish],
    ['sends what is not MQTT', (socket) => socket.write(Buffer.from([0x00, 0x01, 0x02, 0x03, 0xff]))],
    ['sends a second CONNACK', (socket) => socket.write(CONNACK)],
    ['closes at once', (socket) => socket.end()],
  ])('%s ends its own session and nothing else', async (title, misbehave) => {
    const gateway = `hostile-${title.replaceAll(' ', '-')}`;
    const port = await hostileBroker(misbehave);
    await fixture.configure(gateway, { host: '127.0.0.1', port });
    await fixture.emit(gateway, 3);
    await fixture.waitForStatus(gateway, 'MQTT_ERROR_UNEXP_DISCONN');
    const before = deliveredCounters(broker, 'honest').length;
    await fixture.emit('honest', 20);
    await waitFor(() => deliveredCounters(broker, 'honest').length >= before + 20);
    expect(deliveredCounters(broker, 'honest')).toEqual(upTo(before + 20));
    expect(await fixture.metric('process_resident_memory_bytes')).toBeLessThan(400 * 1024 * 1024);
  });

  test('acknowledges what was never sent is put up with', async () => {
    const port = await hostileBroker((socket) => {
      for (let messageId = 1; messageId <= 100; messageId += 1) {
        socket.write(generate({ cmd: 'puback', messageId }));
        socket.write(generate({ cmd: 'pubrec', messageId }));
      }
    });
    await fixture.configure('hostile-acks', { host: '127.0.0.1', port });
    await fixture.waitForStatus('hostile-acks', 'MQTT_INFO_NO_ERR');
    expect(fixture.publisher.log.filter((line) => line.includes('"level":"fatal"'))).toEqual([]);
  });
});

import { describe, expect, it, onTestFinished } from 'vitest';
import { MqttCollector } from '../../src/testing/mqtt-collector.ts';
import { connectClient, connectError, type MqttVersion } from './mqtt-js.ts';
import { RawMqttClient } from './raw-mqtt-client.ts';

export interface RunningBroker {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

export interface BrokerUnderTest {
  readonly name: string;
  readonly versions: readonly MqttVersion[];
  /** Lets in whoever has no user name, and `gw` with the password `secret` where `withUsers` is asked for. */
  start(options: { readonly withUsers: boolean }): Promise<RunningBroker>;
}

/** What a broker does, as far as Gatecast relies on it: the same for the fake and for the real ones. */
export function brokerConformance(broker: BrokerUnderTest): void {
  describe.each(broker.versions)(`${broker.name}, protocol level %i`, (protocolVersion) => {
    async function start(withUsers = false): Promise<RunningBroker> {
      const running = await broker.start({ withUsers });
      onTestFinished(() => running.stop());
      return running;
    }

    async function collect(running: RunningBroker, ...filters: string[]): Promise<MqttCollector> {
      const collector = await MqttCollector.start({ url: running.url, filters, protocolVersion });
      onTestFinished(() => collector.stop());
      return collector;
    }

    deliveryTests({ start, collect, protocolVersion });
    retainTests({ start, collect, protocolVersion });
    willTests({ start, collect, protocolVersion });
    sessionTests({ start, collect, protocolVersion });
    exactlyOnceTests({ start, collect, protocolVersion });

    it('refuses a wrong password', async () => {
      const running = await start(true);
      await connectClient(running.url, { protocolVersion, username: 'gw', password: 'secret' });
      const error = await connectError(running.url, { protocolVersion, username: 'gw', password: 'wrong' });
      expect(protocolVersion === 5 ? [0x86, 0x87] : [4, 5]).toContain(error.code);
    });
  });
}

interface Setting {
  start(withUsers?: boolean): Promise<RunningBroker>;
  collect(running: RunningBroker, ...filters: string[]): Promise<MqttCollector>;
  protocolVersion: MqttVersion;
}

function deliveryTests({ start, collect, protocolVersion }: Setting): void {
  it.each([0, 1, 2] as const)('acknowledges and delivers QoS %i, in order', async (qos) => {
    const running = await start();
    const collector = await collect(running, 'a/b');
    const { client } = await connectClient(running.url, { protocolVersion });
    const payloads = Array.from({ length: 50 }, (_, index) => `message ${index}`);
    // mosquitto cuts a client that has more than 20 QoS 2 messages in flight, also with MQTT 3.1.1, which knows no limit
    for (let sent = 0; sent < payloads.length; sent += 10) {
      const window = payloads.slice(sent, sent + 10);
      await Promise.all(window.map((payload) => client.publishAsync('a/b', payload, { qos })));
    }
    await collector.waitForCount(payloads.length);
    expect(collector.messages.map(({ payload }) => payload)).toEqual(payloads);
  });

  it('delivers by wildcards, and minds the letter case', async () => {
    const running = await start();
    const collector = await collect(running, 'root/+/name', 'other/#');
    const { client } = await connectClient(running.url, { protocolVersion });
    const topics = [
      'root/gw/name',
      'Root/gw/name',
      'root/gw/sensors/name',
      'other',
      'other/a/b',
      '$other/a',
      'other/end',
    ];
    for (const topic of topics) await client.publishAsync(topic, 'x', { qos: 1 });
    await collector.waitFor(({ topic }) => topic === 'other/end');
    expect([...collector.byTopic().keys()]).toEqual(['root/gw/name', 'other', 'other/a/b', 'other/end']);
  });

  it('delivers nothing after UNSUBSCRIBE', async () => {
    const running = await start();
    const { client } = await connectClient(running.url, { protocolVersion });
    const topics: string[] = [];
    const last = new Promise<void>((resolve) => {
      client.on('message', (topic) => {
        topics.push(topic);
        if (topic === 'b') resolve();
      });
    });
    await client.subscribeAsync(['a', 'b'], { qos: 1 });
    await client.unsubscribeAsync('a');
    await client.publishAsync('a', 'x', { qos: 1 });
    await client.publishAsync('b', 'x', { qos: 1 });
    await last;
    expect(topics).toEqual(['b']);
  });

  it('answers PINGREQ', async () => {
    const running = await start();
    const { client } = await RawMqttClient.connect(running.port, { clientId: 'raw', protocolVersion });
    client.send({ cmd: 'pingreq' });
    await client.next('pingresp');
    client.drop();
  });
}

function retainTests({ start, collect, protocolVersion }: Setting): void {
  it('keeps the latest retained message for late subscribers, and tells it from live ones', async () => {
    const running = await start();
    const { client } = await connectClient(running.url, { protocolVersion });
    await client.publishAsync('name', 'first', { qos: 1, retain: true });
    await client.publishAsync('name', 'second', { qos: 1, retain: true });
    const collector = await collect(running, '#');
    await collector.waitForCount(1);
    await client.publishAsync('name', 'third', { qos: 1, retain: true });
    await collector.waitForCount(2);
    expect(collector.messages.map(({ payload, retain }) => [payload, retain])).toEqual([
      ['second', true],
      ['third', false],
    ]);
  });

  it('forgets a retained message when an empty one comes', async () => {
    const running = await start();
    const { client } = await connectClient(running.url, { protocolVersion });
    await client.publishAsync('removed', 'x', { qos: 1, retain: true });
    await client.publishAsync('removed', '', { qos: 1, retain: true });
    await client.publishAsync('kept', 'x', { qos: 1, retain: true });
    const collector = await collect(running, '#');
    await collector.waitFor(({ topic }) => topic === 'kept');
    expect([...collector.byTopic().keys()]).toEqual(['kept']);
  });
}

function willTests({ start, collect, protocolVersion }: Setting): void {
  const will = { topic: 'gw/status', payload: Buffer.from('offline'), qos: 1, retain: true } as const;

  it('publishes the will of a client that is gone, and retains it if asked', async () => {
    const running = await start();
    const collector = await collect(running, 'gw/#');
    const { client } = await RawMqttClient.connect(running.port, { clientId: 'gw', protocolVersion, will });
    client.drop();
    expect((await collector.waitFor(({ topic }) => topic === 'gw/status')).payload).toBe('offline');
    const late = await collect(running, 'gw/#');
    expect(await late.waitFor(() => true)).toMatchObject({ payload: 'offline', retain: true });
  });

  it('forgets the will of a client that sends DISCONNECT', async () => {
    const running = await start();
    const collector = await collect(running, '#');
    const { client: gateway } = await connectClient(running.url, { protocolVersion, will });
    await gateway.endAsync();
    const { client } = await connectClient(running.url, { protocolVersion });
    await client.publishAsync('after', 'x', { qos: 1 });
    await collector.waitFor(({ topic }) => topic === 'after');
    expect([...collector.byTopic().keys()]).toEqual(['after']);
  });

  it('publishes the will of a client whose session is taken over', async () => {
    const running = await start();
    const collector = await collect(running, 'gw/#');
    await RawMqttClient.connect(running.port, { clientId: 'gw', protocolVersion, will });
    const { client } = await RawMqttClient.connect(running.port, { clientId: 'gw', protocolVersion });
    await collector.waitFor(({ topic }) => topic === 'gw/status');
    client.drop();
  });
}

function sessionTests({ start, protocolVersion }: Setting): void {
  const kept = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};

  it('ends the former connection of a client id', async () => {
    const running = await start();
    const first = await RawMqttClient.connect(running.port, { clientId: 'same', protocolVersion });
    const second = await RawMqttClient.connect(running.port, { clientId: 'same', protocolVersion });
    await first.client.waitForClose();
    expect(second.client.isClosed).toBe(false);
    second.client.drop();
  });

  it('remembers a session that is to be kept', async () => {
    const running = await start();
    const options = { clientId: 'kept', protocolVersion, clean: false, ...kept };
    const first = await connectClient(running.url, options);
    expect(first.connack.sessionPresent).toBe(false);
    // aedes only counts a session as present that has a subscription
    await first.client.subscribeAsync('a', { qos: 1 });
    await first.client.endAsync();
    const second = await connectClient(running.url, options);
    expect(second.connack.sessionPresent).toBe(true);
  });

  it('forgets a session when a clean one is asked for', async () => {
    const running = await start();
    const options = { clientId: 'kept', protocolVersion, ...kept };
    const first = await connectClient(running.url, { ...options, clean: false });
    await first.client.subscribeAsync('a', { qos: 1 });
    await first.client.endAsync();
    const second = await connectClient(running.url, { ...options, clean: true });
    expect(second.connack.sessionPresent).toBe(false);
  });
}

function exactlyOnceTests({ start, collect, protocolVersion }: Setting): void {
  const session = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
  const options = { clientId: 'exact', protocolVersion, clean: false, ...session };
  const publish = { cmd: 'publish', topic: 'a', payload: 'once', qos: 2, retain: false, messageId: 7 } as const;

  it('delivers a QoS 2 message once, however often it comes before its PUBREL', async () => {
    const running = await start();
    const collector = await collect(running, '#');
    const first = (await RawMqttClient.connect(running.port, options)).client;
    first.send({ ...publish, dup: false });
    await first.next('pubrec');
    first.drop();
    const second = (await RawMqttClient.connect(running.port, options)).client;
    second.send({ ...publish, dup: true });
    await second.next('pubrec');
    second.send({ cmd: 'pubrel', messageId: 7 });
    await second.next('pubcomp');
    second.send({ ...publish, payload: 'next', dup: false });
    await second.next('pubrec');
    second.send({ cmd: 'pubrel', messageId: 7 });
    await second.next('pubcomp');
    await collector.waitFor(({ payload }) => payload === 'next');
    expect(collector.messages.map(({ payload }) => payload)).toEqual(['once', 'next']);
    second.drop();
  });

  it('answers a PUBREL that it does not know, or knows no more', async () => {
    const running = await start();
    const { client } = await RawMqttClient.connect(running.port, options);
    client.send({ cmd: 'pubrel', messageId: 99 });
    expect((await client.next('pubcomp')).messageId).toBe(99);
    client.drop();
  });
}

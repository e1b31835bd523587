import type { IntegrationSettings } from '@gatecast/shared/model';
import { FaultableBroker, fromClient, onTopic, waitFor } from '@gatecast/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliveredCounters, FLAWLESS, firstSeen, flawsOf, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  fixture = await PublisherFixture.start({ env: { GATECAST_DRAIN_MS: '500' } });
});

beforeEach(async () => {
  broker = await FaultableBroker.start();
});

afterEach(async () => {
  expect(broker.violations).toEqual([]);
  await broker.stop();
});

afterAll(async () => {
  await fixture.stop();
});

const configure = (gateway: string, mqtt: IntegrationSettings = {}) =>
  fixture.configure(gateway, { host: broker.host, port: broker.port, qos: 2, ...mqtt });

const delivered = (gateway: string) => deliveredCounters(broker, gateway);

async function hear(gateway: string, last: number): Promise<void> {
  await waitFor(() => delivered(gateway).includes(last), {
    timeoutMs: 20_000,
    describe: () => `${last} of ${gateway}; there are ${delivered(gateway).join()}`,
  });
}

/** Sends five messages that the broker has received and not acknowledged, then cuts the connection. */
async function fiveReceived(gateway: string): Promise<void> {
  broker.faults.withholdPubcomp = fromClient(gateway);
  await fixture.emit(gateway, 5);
  await hear(gateway, 5);
}

const downgraded = (gateway: string) => fixture.checkpoint(gateway).then((record) => record?.d ?? 0);

describe('a session that the broker keeps', () => {
  test.each(['3.1.1', '5'] as const)(
    'withheld PUBRECs and PUBCOMPs, MQTT %s: nothing twice',
    async (protocolVersion) => {
      const gateway = `withheld-${protocolVersion === '5' ? 5 : 3}`;
      broker.faults.withholdPubrec = onTopic(`Aranet/${gateway}/sensors/#`);
      await configure(gateway, { protocolVersion, advanced: { ackTimeoutSeconds: 1 } });
      await fixture.emit(gateway, 50);
      await fixture.waitForStatus(gateway, 'MQTT_ERROR_UNEXP_DISCONN', 'ack_timeout');
      broker.faults.clear();
      broker.faults.withholdPubcomp = fromClient(gateway);
      await hear(gateway, 10);
      await waitFor(() => broker.connects.filter(fromClient(gateway)).length >= 3, { timeoutMs: 10_000 });
      broker.faults.clear();
      await hear(gateway, 50);
      expect(flawsOf(delivered(gateway), 50)).toEqual(FLAWLESS);
      expect(await downgraded(gateway)).toBe(0);
    },
  );

  test('the deadline is for the broker: not for our own record', async () => {
    const gateway = 'record-away';
    await configure(gateway, { advanced: { ackTimeoutSeconds: 1 } });
    await fixture.emit(gateway, 1);
    await hear(gateway, 1);
    const connects = broker.connects.length;
    broker.faults.holdAcks = ({ packet }) => packet.cmd === 'publish';
    await fixture.emit(gateway, 3);
    await waitFor(() => broker.pendingAcks === 3, { timeoutMs: 5_000 });
    await fixture.nats.kill('SIGKILL');
    broker.releaseAcks();
    await waitFor(() => fixture.isLeaseOver(), { timeoutMs: 15_000 });
    await fixture.nats.restart();
    broker.faults.clear();
    await hear(gateway, 4);
    expect(delivered(gateway)).toEqual(upTo(4));
    expect(broker.connects).toHaveLength(connects);
    // Our own connection is back as well, for the tests that follow.
    await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 4, { timeoutMs: 10_000 });
  });

  test('a birth that was half sent does not swallow the next one', async () => {
    const gateway = 'half-born';
    broker.faults.withholdPubrec = onTopic(`Aranet/${gateway}/status`);
    await configure(gateway, { will: { qos: 2 }, advanced: { ackTimeoutSeconds: 1 } });
    await fixture.waitForStatus(gateway, 'MQTT_ERROR_UNEXP_DISCONN', 'ack_timeout');
    broker.faults.clear();
    await waitFor(() => broker.retained.get(`Aranet/${gateway}/status`)?.payload === 'online', { timeoutMs: 10_000 });
    await fixture.emit(gateway, 3);
    await hear(gateway, 3);
    // Of the readings: on a busy machine a second is short, and a session that is made anew begins with a birth.
    const { packet } = broker.publishes(onTopic(`Aranet/${gateway}/sensors/#`)).at(-1)!;
    expect(packet.messageId).toBe(3);
  });
});

describe('a session whose broker takes no QoS 2 any more', () => {
  test('is rid of what it has, and everything goes on at the lower QoS: nothing missing, in order, said', async () => {
    const gateway = 'lowered';
    await configure(gateway, { protocolVersion: '5' });
    await fiveReceived(gateway);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.r === 5, { timeoutMs: 10_000 });
    // Three more that it has, of which the record does not know.
    broker.faults.withholdPubrec = onTopic(`Aranet/${gateway}/sensors/#`);
    await fixture.emit(gateway, 3);
    await waitFor(() => broker.publishes(onTopic(`Aranet/${gateway}/sensors/#`)).length >= 8, { timeoutMs: 10_000 });
    await broker.stop();
    broker.faults.clear();
    broker.capabilities = { maximumQoS: 1 };
    await broker.restart({ keepSessions: true });
    await fixture.emit(gateway, 5);
    await hear(gateway, 13);
    expect(firstSeen(delivered(gateway))).toEqual(upTo(13));
    const record = await waitFor(
      async () => {
        const latest = await fixture.checkpoint(gateway);
        return latest?.s === 13 ? latest : undefined;
      },
      { timeoutMs: 10_000 },
    );
    expect(record).toMatchObject({ o: 1, d: 3 });
    await waitFor(async () => (await fixture.status(gateway))?.brokerLimits?.qos === 1, { timeoutMs: 10_000 });
    broker.capabilities = {};
    await broker.restart({ keepSessions: true });
    await fixture.emit(gateway, 5);
    await hear(gateway, 18);
    expect(broker.publishes(fromClient(gateway)).at(-1)?.packet.qos).toBe(2);
  });
});

describe('a session that the broker has lost', () => {
  test.each(['3.1.1', '5'] as const)('MQTT %s: sent again, counted and said', async (protocolVersion) => {
    const gateway = `forgotten-${protocolVersion === '5' ? 5 : 3}`;
    await configure(gateway, { protocolVersion });
    await fiveReceived(gateway);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.r === 5);
    broker.faults.clear();
    await broker.restart({ keepSessions: false });
    await fixture.emit(gateway, 5);
    await hear(gateway, 10);
    expect(firstSeen(delivered(gateway))).toEqual(upTo(10));
    await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 10, { timeoutMs: 10_000 });
    // More than those five were perhaps sent before the end of the connection was noticed.
    expect(await downgraded(gateway)).toBeGreaterThanOrEqual(5);
  });

  /** The broker loses five messages that the record says it received, and the CONNACK that says so is lost as well. */
  async function loseConnack(gateway: string, protocolVersion: '3.1.1' | '5'): Promise<void> {
    await configure(gateway, { protocolVersion });
    await fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR');
    await fiveReceived(gateway);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.r === 5, { timeoutMs: 10_000 });
    await fixture.publisher.kill('SIGKILL');
    await broker.restart({ keepSessions: false });
    broker.faults.clear();
    broker.clearRecords();
    // The next process sends CONNECT, the broker makes a new session, and the process dies before it hears of it.
    broker.faults.cutBeforeConnack = fromClient(gateway);
    await fixture.publisher.restart();
    await waitFor(async () => (await fixture.checkpoint(gateway))?.u === 1, { timeoutMs: 15_000 });
    await broker.waitForConnect();
    await fixture.publisher.kill('SIGKILL');
    broker.faults.clear();
    await fixture.publisher.restart();
    await fixture.emit(gateway, 5);
    await hear(gateway, 10);
  }

  test('MQTT 5, and the CONNACK that says so as well: sent again all the same', async () => {
    await loseConnack('connack-lost', '5');
    expect(firstSeen(delivered('connack-lost')).slice(-10)).toEqual(upTo(10));
  });

  test('MQTT 3.1.1, and the CONNACK that says so as well: what may be lost is counted', async () => {
    const gateway = 'connack-lost-3';
    await loseConnack(gateway, '3.1.1');
    expect(delivered(gateway)).toEqual([6, 7, 8, 9, 10]);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 10, { timeoutMs: 10_000 });
    expect(await fixture.checkpoint(gateway)).toMatchObject({ e: 5 });
    expect(await fixture.metric('gatecast_publisher_messages_unproven_total')).toBe(5);
  });
});

describe('another session', () => {
  test('QoS 2, 1, 2: nothing missing, nothing swallowed', async () => {
    const gateway = 'back-and-forth';
    for (const [index, qos] of ([2, 1, 2] as const).entries()) {
      await configure(gateway, { qos });
      await fixture.emit(gateway, 20);
      await hear(gateway, 20 * (index + 1));
    }
    expect(delivered(gateway)).toEqual(upTo(60));
    expect(await downgraded(gateway)).toBe(0);
  });

  test('another client id, and back, with messages that were never released: nothing missing, nothing swallowed', async () => {
    const gateway = 'renamed';
    await configure(gateway);
    await fixture.emit(gateway, 1);
    await hear(gateway, 1);
    broker.faults.withholdPubrec = onTopic(`Aranet/${gateway}/sensors/#`);
    await fixture.emit(gateway, 5);
    await waitFor(() => broker.publishes(onTopic(`Aranet/${gateway}/sensors/#`)).length >= 6);
    await configure(gateway, { clientId: 'somebody-else' });
    await broker.waitForConnect(fromClient('somebody-else'), { timeoutMs: 10_000 });
    broker.faults.clear();
    await fixture.emit(gateway, 5);
    await hear(gateway, 11);
    await configure(gateway);
    await fixture.emit(gateway, 5);
    await hear(gateway, 16);
    expect(firstSeen(delivered(gateway))).toEqual(upTo(16));
  });

  test('a gateway deleted and created again starts anew: its first messages are not taken for those before', async () => {
    const gateway = 'reborn';
    await configure(gateway);
    broker.faults.withholdPubrec = onTopic(`Aranet/${gateway}/sensors/#`);
    await fixture.emit(gateway, 5);
    await waitFor(() => broker.publishes(onTopic(`Aranet/${gateway}/sensors/#`)).length === 5);
    await fixture.remove(gateway);
    await waitFor(() => !broker.connectedClients.includes(gateway), { timeoutMs: 10_000 });
    broker.faults.clear();
    await fixture.configure(gateway, { host: broker.host, port: broker.port, qos: 2, rootTopic: 'Aranet' }, 'second');
    await fixture.emit(gateway, 5, { incarnation: 'second', retain: true });
    await hear(gateway, 5);
    expect(delivered(gateway)).toEqual(upTo(5));
    const heard = broker.messages.filter(({ topic }) => topic.startsWith(`Aranet/${gateway}/sensors`));
    expect(heard.every(({ retain }) => retain)).toBe(true);
  });
});

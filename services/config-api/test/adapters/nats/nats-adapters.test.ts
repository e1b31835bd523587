import { systemClock } from '@gatecast/shared/lifecycle';
import { createLogger } from '@gatecast/shared/logging';
import { partitionOf, type StatusRecord } from '@gatecast/shared/model';
import {
  backlogStreamOf,
  batchHeaders,
  connectNats,
  DEFAULT_STORAGE_LIMITS,
  ensureCommonStreams,
  lastMessageOf,
  type Nats,
  outboxStreamOf,
  publishToStream,
  readingsHeaders,
  readingsStreamOf,
  readReadingsHeaders,
  STATUS_EVENTS_STREAM,
  subjects,
} from '@gatecast/shared/nats';
import { NatsServer, waitFor } from '@gatecast/shared/testing';
import { headers } from '@nats-io/nats-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { natsAnnouncer } from '../../../src/adapters/nats/announcer.ts';
import { natsFleetStreams } from '../../../src/adapters/nats/fleet-streams.ts';
import { natsReadingsLine } from '../../../src/adapters/nats/readings-line.ts';
import { natsStatusEvents } from '../../../src/adapters/nats/status-events.ts';
import { natsWaitingRooms } from '../../../src/adapters/nats/waiting-rooms.ts';
import { gatewayRecord, statusRecord } from '../../domain/status/samples.ts';

const PARTITIONS = 8;
const MiB = 1024 * 1024;
const limits = {
  ...DEFAULT_STORAGE_LIMITS,
  readingsMaxBytes: 16 * MiB,
  outboxMaxBytes: 16 * MiB,
  backlogMaxBytes: 16 * MiB,
  deadletterMaxBytes: 16 * MiB,
};
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
let server: NatsServer;
let nats: Nats;

beforeAll(async () => {
  server = await NatsServer.start();
  nats = await connectNats({ natsUrl: server.url, name: 'config-api adapters' }, log);
  await ensureCommonStreams(nats, limits);
});

afterAll(async () => {
  await nats.close();
  await server.stop();
});

const exists = async (stream: string) => {
  try {
    await nats.jsm.streams.info(stream);
    return true;
  } catch {
    return false;
  }
};

describe('natsFleetStreams', () => {
  it('creates a fleet’s streams, again and again, and removes them, also when they are gone', async () => {
    const streams = natsFleetStreams(nats, limits);
    await streams.ensure('west');
    await streams.ensure('west');
    expect([await exists(outboxStreamOf('west', 0)), await exists(backlogStreamOf('west'))]).toEqual([true, true]);
    await streams.remove('west');
    await streams.remove('west');
    expect([await exists(outboxStreamOf('west', 0)), await exists(backlogStreamOf('west'))]).toEqual([false, false]);
  });
});

describe('natsAnnouncer', () => {
  const outcomes: string[] = [];
  const announcer = () =>
    natsAnnouncer({ nats, partitions: PARTITIONS, onAnnounced: (outcome) => void outcomes.push(outcome), log });
  const subject = subjects.readings(partitionOf('gw-1', PARTITIONS), 'gw-1');

  beforeEach(async () => {
    outcomes.length = 0;
    await nats.jsm.streams.purge(readingsStreamOf(0));
  });

  it('puts a batch without measurements into the gateway’s line, each one anew', async () => {
    await announcer().announce(gatewayRecord());
    await announcer().announce(gatewayRecord());
    const last = await lastMessageOf(nats, readingsStreamOf(0), subject);
    expect(readReadingsHeaders(last!.headers)).toMatchObject({ incarnation: 'life-1' });
    expect(new TextDecoder().decode(last!.data)).toBe('{"measurements":[]}');
    expect((await nats.jsm.streams.info(readingsStreamOf(0))).state.messages).toBe(2);
    expect(outcomes).toEqual(['sent', 'sent']);
  });

  it('says nothing of an integration that is off', async () => {
    await announcer().announce(gatewayRecord({ mqtt: { host: 'broker.example', enabled: false } }));
    expect(await lastMessageOf(nats, readingsStreamOf(0), subject)).toBeUndefined();
  });

  it('never fails: the change is stored already', async () => {
    await nats.jsm.streams.delete(readingsStreamOf(0));
    await announcer().announce(gatewayRecord());
    expect(outcomes).toEqual(['failed']);
    await ensureCommonStreams(nats, limits);
  });
});

describe('natsReadingsLine', () => {
  it('finds the first message of a partition after a sequence', async () => {
    const line = natsReadingsLine(nats);
    const accept = async (partition: number, gatewayId: string) =>
      (
        await publishToStream(nats, subjects.readings(partition, gatewayId), new Uint8Array(), {
          headers: readingsHeaders('life-1', undefined),
        })
      ).sequence;
    const one = await accept(1, 'a');
    const two = await accept(2, 'b');
    const three = await accept(1, 'c');
    expect(await line.lastSequence()).toBe(three);
    expect(await line.firstAfter(1, 0)).toEqual({ sequence: one, time: expect.any(Number) });
    expect(await line.firstAfter(1, one)).toMatchObject({ sequence: three });
    expect(await line.firstAfter(1, three)).toBeUndefined();
    expect(await line.firstAfter(2, one)).toMatchObject({ sequence: two });
    expect(await line.firstAfter(7, 0)).toBeUndefined();
  });
});

describe('natsWaitingRooms', () => {
  const gateway = gatewayRecord();
  const rooms = () => natsWaitingRooms(nats);

  async function store(gatewayId: string, incarnation: string, first: number, count: number): Promise<number> {
    const source = { sequence: 1, part: 1, parts: 1 };
    const { sequence } = await publishToStream(nats, subjects.backlog('default', gatewayId), new Uint8Array(), {
      headers: batchHeaders({ incarnation, source, settings: 1, first, count }),
    });
    return (await nats.jsm.streams.getMessage(backlogStreamOf('default'), { seq: sequence }))!.time.getTime();
  }

  beforeEach(async () => {
    const streams = natsFleetStreams(nats, limits);
    await streams.remove('default');
    await streams.ensure('default');
  });

  it('are empty at first', async () => {
    expect(await rooms().oldestAfter(gateway, 0)).toBeUndefined();
  });

  it('find the oldest batch that is not settled, wherever settled ones end', async () => {
    const times: number[] = [];
    await store('gw-1', 'life-0', 500, 10);
    for (let batch = 0; batch < 12; batch += 1) {
      times.push(await store('gw-1', 'life-1', 1 + batch * 3, 3));
      for (let other = 0; other < batch % 3; other += 1) await store('gw-2', 'life-1', 1 + batch, 1);
    }
    for (let settled = 0; settled < 36; settled += 1) {
      expect([settled, await rooms().oldestAfter(gateway, settled)]).toEqual([settled, times[Math.floor(settled / 3)]]);
    }
    expect(await rooms().oldestAfter(gateway, 36)).toBeUndefined();
  });

  it('say that they do not answer', async () => {
    await natsFleetStreams(nats, limits).remove('default');
    await expect(rooms().oldestAfter(gateway, 0)).rejects.toMatchObject({ code: 'STREAM_MISSING' });
  });
});

describe('natsStatusEvents', () => {
  const publish = async (record: StatusRecord | string) => {
    const body = new TextEncoder().encode(typeof record === 'string' ? record : JSON.stringify(record));
    return (await publishToStream(nats, subjects.statusEvents('acme', 'gw-1'), body, { headers: headers() })).sequence;
  };
  const events = () => natsStatusEvents(nats, systemClock, log);

  beforeEach(async () => {
    await nats.jsm.streams.purge(STATUS_EVENTS_STREAM);
  });

  it('are none at first', async () => {
    expect(await events().last(gatewayRecord(), 10)).toEqual([]);
  });

  it('are this life’s, newest first, as many as asked for', async () => {
    await publish(statusRecord({ incarnation: 'life-0' }));
    await publish('not JSON');
    const sequences: number[] = [];
    for (let attempt = 0; attempt < 120; attempt += 1) sequences.push(await publish(statusRecord({ attempt })));
    const all = await events().last(gatewayRecord(), 100);
    expect(all.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 100 }, (_, index) => 119 - index));
    const [newest] = await events().last(gatewayRecord(), 1);
    expect(newest).toEqual({
      id: sequences.at(-1),
      time: '2026-01-01T01:00:00.000Z',
      code: 'MQTT_INFO_NO_ERR',
      class: 'ok',
      reason: 'delivering',
      message: 'Messages arrive.',
      host: 'broker.example',
      attempt: 119,
    });
  });

  it('leave no consumer behind', async () => {
    await publish(statusRecord());
    await events().last(gatewayRecord(), 1);
    await waitFor(async () => (await nats.jsm.streams.info(STATUS_EVENTS_STREAM)).state.consumer_count === 0);
  });
});

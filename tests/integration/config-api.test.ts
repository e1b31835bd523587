import { systemClock } from '@gatecast/shared/lifecycle';
import { createLogger } from '@gatecast/shared/logging';
import {
  type EncoderCheckpoint,
  type GatewayRecord,
  type PublisherCheckpoint,
  partitionOf,
  type SensorsRecord,
  type StatusRecord,
} from '@gatecast/shared/model';
import {
  ALL_FLEETS,
  BUCKETS,
  batchHeaders,
  KvStore,
  KvView,
  keys,
  lastMessageOf,
  publishToStream,
  readingsHeaders,
  readingsStreamOf,
  readReadingsHeaders,
  subjects,
} from '@gatecast/shared/nats';
import { type LeaseRecord, type MemberRecord, PartitionOwnership } from '@gatecast/shared/ownership';
import { waitFor } from '@gatecast/shared/testing';
import { headers } from '@nats-io/nats-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ConfigFixture, LEASE_TTL_MS, PARTITIONS } from './support/config-fixture.ts';

interface Items {
  items: unknown[];
}

const GATEWAYS = '/v1/workspaces/default/gateways';

describe('config-api', () => {
  let fixture: ConfigFixture;

  beforeAll(async () => {
    fixture = await ConfigFixture.start();
  });

  afterAll(() => fixture.stop());

  const record = async (gatewayId: string) =>
    (await (await KvStore.open<GatewayRecord>(fixture.connection, 'integrations')).get(gatewayId))!;

  it('creates what the other services wait for, and what a new deployment needs', async () => {
    const streams: string[] = [];
    for await (const { config } of fixture.connection.jsm.streams.list()) streams.push(config.name);
    const buckets = BUCKETS.map((bucket) => `KV_${bucket}`);
    const lines = ['READINGS', 'DEADLETTER', 'STATUS_EVENTS', 'OUTBOX_default', 'BACKLOG_default'];
    expect(streams).toEqual(expect.arrayContaining([...lines, ...buckets]));
    expect((await fixture.connection.jsm.streams.info('READINGS')).config.max_bytes).toBe(64 * 1024 * 1024);
    const leases = await KvStore.open<LeaseRecord>(fixture.connection, 'leases');
    expect(await leases.ttlMs()).toBe(LEASE_TTL_MS);
    expect((await fixture.read<Items>('GET', '/v1/workspaces')).items).toMatchObject([{ workspace: 'default' }]);
    expect((await fixture.read<Items>('GET', '/v1/fleets')).items).toMatchObject([{ fleet: 'default' }]);
  });

  it('stores settings as one record, whose revision is the ETag, with secrets that publishers can open', async () => {
    const { etag } = await fixture.api.createGateway({ gatewayId: 'sealed', name: 'Hall' });
    const settings = { host: 'broker.example', username: 'user', password: 'correct-horse' };
    const put = await fixture.api.putIntegration('sealed', settings, { ifMatch: etag });
    expect(put.value).toMatchObject({ host: 'broker.example', username: 'user', passwordSet: true });
    const { value, revision } = await record('sealed');
    expect(put.etag).toBe(`"${revision}"`);
    expect(value.mqtt).not.toHaveProperty('password');
    expect(await fixture.opener.open('sealed', 'password', value.mqtt.sealed!.password!)).toBe('correct-horse');
    expect(fixture.service.log.join('\n')).not.toContain('correct-horse');
  });

  it('puts a batch without measurements into the line when settings, a name or a sensor change', async () => {
    const { etag } = await fixture.api.createGateway({ gatewayId: 'nudged' });
    const subject = subjects.readings(partitionOf('nudged', PARTITIONS), 'nudged');
    const last = () => lastMessageOf(fixture.connection, readingsStreamOf(0), subject);
    await fixture.api.putSensor('nudged', 'S1', { name: 'Door' });
    expect(await last()).toBeUndefined();

    await fixture.api.putIntegration('nudged', { host: 'broker.example' }, { ifMatch: etag });
    const first = (await last())!;
    expect(JSON.parse(new TextDecoder().decode(first.data))).toEqual({ measurements: [] });
    expect(readReadingsHeaders(first.headers)).toMatchObject({
      incarnation: (await record('nudged')).value.incarnation,
    });
    await fixture.api.patchGateway('nudged', { name: 'Hall' });
    const second = (await last())!;
    await fixture.api.patchSensor('nudged', 'S1', { name: 'Window' });
    const third = (await last())!;
    expect(second.sequence).toBeGreaterThan(first.sequence);
    expect(third.sequence).toBeGreaterThan(second.sequence);
  });

  it('shows every write to the next read', async () => {
    await fixture.api.createGateway({ gatewayId: 'own-writes' });
    for (let round = 0; round < 30; round += 1) {
      const written = await fixture.api.patchIntegration('own-writes', { rootTopic: `root/${round}` });
      const read = await fixture.api.getIntegration('own-writes');
      expect([read.value.rootTopic, read.etag]).toEqual([`root/${round}`, written.etag]);
    }
  });

  it('lets one of many writers win that saw the same', async () => {
    const { etag } = await fixture.api.createGateway({ gatewayId: 'contested' });
    const writes = await Promise.all(
      Array.from({ length: 10 }, (_, writer) =>
        fixture.fetch(
          'PATCH',
          `${GATEWAYS}/contested/integrations/mqtt`,
          { rootTopic: `of/${writer}` },
          { 'if-match': etag },
        ),
      ),
    );
    const statuses = writes.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
    const winner = writes.findIndex(({ status }) => status === 200);
    expect((await fixture.api.getIntegration('contested')).value.rootTopic).toBe(`of/${winner}`);
  });

  it('gives a client id to one of many gateways that ask for it at once', async () => {
    const ids = Array.from({ length: 5 }, (_, index) => `rival-${index}`);
    for (const gatewayId of ids) await fixture.api.createGateway({ gatewayId });
    const body = { host: 'rivals.example', clientId: 'the-one' };
    const answers = await Promise.all(
      ids.map((id) => fixture.fetch('PATCH', `${GATEWAYS}/${id}/integrations/mqtt`, body, { 'if-match': '*' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
  });

  it('shows what others write: sensors that a gateway names, when it was seen, what was delivered', async () => {
    await fixture.api.createGateway({ gatewayId: 'observed' });
    const { incarnation } = (await record('observed')).value;
    const partition = partitionOf('observed', PARTITIONS);
    const sensors = await KvStore.open<SensorsRecord>(fixture.connection, 'sensors');
    await sensors.create('observed', { incarnation, firmwareVersion: '1.2.3', sensors: { S1: { name: 'Door' } } });
    const encoders = await KvStore.open<EncoderCheckpoint>(fixture.connection, 'checkpoints');
    const position = { i: incarnation, c: 7, s: 1, p: 1, t: Date.now() };
    const encoder = { epoch: 1, seq: 1, gateways: { observed: position } };
    await encoders.create(keys.checkpoint('encoder', ALL_FLEETS, partition), encoder);
    const publishers = await KvStore.open<PublisherCheckpoint>(fixture.connection, 'checkpoints');
    const own = { i: incarnation, s: 5, h: 7, l: 1, t: Date.now() };
    const publisher = { epoch: 1, seq: 1, gateways: { observed: own } };
    await publishers.create(keys.checkpoint('publisher', 'default', partition), publisher);
    const { sequence } = await publishToStream(
      fixture.connection,
      subjects.backlog('default', 'observed'),
      new Uint8Array(),
      {
        headers: batchHeaders({
          incarnation,
          source: { sequence: 1, part: 1, parts: 1 },
          settings: 1,
          first: 6,
          count: 2,
        }),
      },
    );
    const waitsSince = (await fixture.connection.jsm.streams.getMessage('BACKLOG_default', { seq: sequence }))!.time;

    const gateway = await waitFor(async () => {
      const { value } = await fixture.api.getGateway('observed');
      return value.online && value.firmwareVersion !== undefined && value;
    });
    expect(gateway).toMatchObject({ firmwareVersion: '1.2.3', lastSeenAt: new Date(position.t).toISOString() });
    expect(await fixture.api.listSensors('observed')).toEqual([{ sensorId: 'S1', name: 'Door' }]);
    expect(await waitFor(async () => (await fixture.api.status('observed')).backlog.oldest)).toBe(
      waitsSince.toISOString(),
    );
    expect(await fixture.api.status('observed')).toMatchObject({
      delivered: 4,
      lastDeliveredAt: new Date(own.t).toISOString(),
      backlog: { messages: 2, lost: 1 },
    });
  });

  it('says green while the owner lives, and no_owner within a lease of its silent end', async () => {
    await fixture.api.createGateway({ gatewayId: 'green' });
    await fixture.api.patchIntegration('green', { host: 'broker.example' });
    expect((await fixture.api.status('green')).reason).toBe('no_owner');

    const leases = await KvStore.open<LeaseRecord>(fixture.connection, 'leases');
    const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
    const own = async (role: string, fleet: string) => {
      const acquired = Promise.withResolvers<number>();
      const open = async <T>(bucket: 'members' | 'leases') => {
        const view = await KvView.open<T>(fixture.connection, bucket, log, systemClock);
        onTestFinished(() => view.stop());
        return { store: await KvStore.open<T>(fixture.connection, bucket), view };
      };
      const ownership = new PartitionOwnership({
        role,
        fleet,
        instance: `${role}-1`,
        nonce: `${role}-nonce`,
        partitions: PARTITIONS,
        members: await open<MemberRecord>('members'),
        leases: await open<LeaseRecord>('leases'),
        ttlMs: LEASE_TTL_MS,
        handoversPerSecond: 10,
        clock: systemClock,
        log,
      });
      onTestFinished(() => ownership.stop());
      ownership.start({
        acquired: (partition, lease) => {
          if (partition === partitionOf('green', PARTITIONS)) acquired.resolve(lease.epoch);
        },
        lost: async () => {},
        release: async () => {},
      });
      return { ownership, epoch: await acquired.promise };
    };
    await own('encoder', ALL_FLEETS);
    // This one is not renewed: its process died right after it was made.
    const epoch = await leases.create(`publisher.default.${partitionOf('green', PARTITIONS)}`, {
      instance: 'publisher-1',
      nonce: 'died',
      renewedAt: new Date().toISOString(),
    });
    expect(
      (
        await waitFor(async () => {
          const status = await fixture.api.status('green');
          return status.reason === 'starting' && status;
        })
      ).class,
    ).toBe('pending');

    const { workspace, incarnation } = (await record('green')).value;
    const now = new Date().toISOString();
    const said: StatusRecord = {
      gatewayId: 'green',
      workspace,
      fleet: 'default',
      incarnation,
      code: 'MQTT_INFO_NO_ERR',
      class: 'ok',
      reason: 'delivering',
      message: 'Messages arrive.',
      since: now,
      updated: now,
      host: 'broker.example',
      attempt: 0,
      owner: { instance: 'publisher-1', epoch },
    };
    const statuses = await KvStore.open<StatusRecord>(fixture.connection, 'status');
    await statuses.create('green', said);
    const event = new TextEncoder().encode(JSON.stringify(said));
    await publishToStream(fixture.connection, subjects.statusEvents(workspace, 'green'), event, { headers: headers() });

    await waitFor(async () => (await fixture.api.status('green')).active);
    expect((await fixture.api.details('green')).values.status).toMatchObject({ text: 'Active', indicator: 'green' });
    expect(await fixture.api.history('green')).toMatchObject([{ code: 'MQTT_INFO_NO_ERR', reason: 'delivering' }]);
    expect((await fixture.api.listGateways({ code: 'MQTT_INFO_NO_ERR' })).map(({ gatewayId }) => gatewayId)).toEqual([
      'green',
    ]);

    await waitFor(async () => (await fixture.api.status('green')).reason === 'no_owner', {
      timeoutMs: 3 * LEASE_TTL_MS,
    });
    expect(await fixture.api.listGateways({ code: 'MQTT_INFO_NO_ERR' })).toEqual([]);

    // A new process takes over; what the dead one said does not become true again by that.
    const { ownership } = await own('publisher', 'default');
    await waitFor(async () => (await fixture.api.status('green')).reason === 'starting');
    await ownership.stop();
    await waitFor(async () => (await fixture.api.status('green')).reason === 'no_owner');
  });

  it('notices readings that nobody encodes', async () => {
    const subject = subjects.readings(partitionOf('waiting', PARTITIONS), 'waiting');
    const body = new TextEncoder().encode('{"measurements":[]}');
    await publishToStream(fixture.connection, subject, body, { headers: readingsHeaders('life', 'id-1') });
    await waitFor(async () => (await fixture.metric('gatecast_config_encoder_lag_seconds')) > 0);
  });

  it('creates the streams of a fleet with it, and removes them with it', async () => {
    const streamsOf = async () => {
      const names: string[] = [];
      for await (const { config } of fixture.connection.jsm.streams.list()) names.push(config.name);
      return names.filter((name) => name.endsWith('_west')).sort();
    };
    await fixture.api.createFleet('west');
    expect(await streamsOf()).toEqual(['BACKLOG_west', 'OUTBOX_west']);
    await fixture.api.createGateway({ gatewayId: 'in-west', fleet: 'west' });
    expect((await fixture.fetch('DELETE', '/v1/fleets/west')).status).toBe(409);
    await fixture.api.deleteGateway('in-west');
    expect((await fixture.fetch('DELETE', '/v1/fleets/west')).status).toBe(204);
    expect(await streamsOf()).toEqual([]);
  });

  it('gives a gateway that is registered again a new life', async () => {
    await fixture.api.createGateway({ gatewayId: 'reborn' });
    const before = (await record('reborn')).value;
    await fixture.api.deleteGateway('reborn');
    await fixture.api.createGateway({ gatewayId: 'reborn' });
    const after = (await record('reborn')).value;
    expect(after.incarnation).not.toBe(before.incarnation);
    expect(after.ingestTokenHash).not.toBe(before.ingestTokenHash);
  });
});

describe('config-api through outages', () => {
  it('waits for a NATS server that comes later', async () => {
    const fixture = await ConfigFixture.start({ natsIsLate: true });
    onTestFinished(() => fixture.stop());
    expect((await fixture.fetch('GET', '/v1/workspaces/default')).status).toBe(200);
  });

  it('goes on reading while NATS is away, refuses writes at once, and comes back by itself', async () => {
    const fixture = await ConfigFixture.start();
    onTestFinished(() => fixture.stop());
    const { etag } = await fixture.api.createGateway({ gatewayId: 'gw-1' });
    await fixture.nats.kill('SIGKILL');
    await waitFor(async () => (await fixture.admin('/readyz')).status === 503);
    expect((await fixture.admin('/livez')).status).toBe(200);

    const url = `${GATEWAYS}/gw-1`;
    for (const path of [
      url,
      GATEWAYS,
      `${url}/integrations/mqtt`,
      `${url}/integrations/mqtt/status`,
      '/v1/workspaces',
    ]) {
      expect([path, (await fixture.fetch('GET', path)).status]).toEqual([path, 200]);
    }
    const began = performance.now();
    const refused = await fixture.fetch(
      'PATCH',
      `${url}/integrations/mqtt`,
      { host: 'b.example' },
      { 'if-match': etag },
    );
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, 'unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fixture.fetch('GET', `${url}/integrations/mqtt/history`)).status).toBe(503);
    expect((await fixture.fetch('POST', '/v1/fleets', { fleet: 'west' })).status).toBe(503);
    expect(performance.now() - began).toBeLessThan(2_000);

    await fixture.nats.restart();
    await fixture.untilReady();
    const written = await fixture.fetch(
      'PATCH',
      `${url}/integrations/mqtt`,
      { host: 'b.example' },
      { 'if-match': etag },
    );
    expect(written.status).toBe(200);
    expect((await fixture.api.getIntegration('gw-1')).value.host).toBe('b.example');
  });

  it('keeps everything through kill -9 and a restart, and creates no defaults where there is something', async () => {
    const fixture = await ConfigFixture.start();
    onTestFinished(() => fixture.stop());
    await fixture.api.createWorkspace('acme');
    const acme = fixture.api.in('acme');
    const { etag } = await acme.createGateway({ gatewayId: 'gw-1', name: 'Hall' });
    const put = await acme.putIntegration(
      'gw-1',
      { host: 'b.example', username: 'u', password: 'p' },
      { ifMatch: etag },
    );
    expect((await fixture.fetch('DELETE', '/v1/workspaces/default')).status).toBe(204);
    const create = { name: 'ci', scopes: ['workspace:acme:read'] };
    const { key } = await fixture.read<{ key: string }>('POST', '/v1/workspaces/acme/api-keys', create);

    await fixture.service.kill('SIGKILL');
    await fixture.service.restart();
    expect(await acme.getIntegration('gw-1')).toEqual(put);
    expect((await acme.as(key).getGateway('gw-1')).value.name).toBe('Hall');
    expect((await fixture.fetch('GET', '/v1/workspaces/default')).status).toBe(404);
  });

  it('stops on request, cleanly, although clients keep their connections open', async () => {
    const fixture = await ConfigFixture.start();
    onTestFinished(() => fixture.stop());
    await fixture.fetch('GET', '/v1/workspaces');
    await fixture.fetch('GET', '/v1/workspaces');
    expect(await fixture.service.stop()).toEqual({ code: 0, signal: null });
  });

  it('stops on request also while NATS is away', async () => {
    const fixture = await ConfigFixture.start();
    onTestFinished(() => fixture.stop());
    await fixture.nats.kill('SIGKILL');
    await waitFor(async () => (await fixture.admin('/readyz')).status === 503);
    expect(await fixture.service.stop()).toEqual({ code: 0, signal: null });
  });
});

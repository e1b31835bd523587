import { AckPolicy } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isGatecastError } from '../../src/errors/index.ts';
import { systemClock } from '../../src/lifecycle/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import {
  BUCKETS,
  connectNats,
  DEFAULT_STORAGE_LIMITS,
  ensureBuckets,
  ensureCommonStreams,
  ensureFleetStreams,
  HeaderBlock,
  KvStore,
  KvView,
  type Nats,
  publishToStream,
  translateNatsError,
} from '../../src/nats/index.ts';
import { NATS_USERS, NatsServer, type NatsUser } from '../../src/testing/index.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const SERVICES = NATS_USERS.filter((user) => user !== 'admin');
const STREAMS = ['READINGS', 'DEADLETTER', 'STATUS_EVENTS', 'OUTBOX_default', 'BACKLOG_default'];
const ALL = [...STREAMS, ...BUCKETS.map((bucket) => `KV_${bucket}`)];
const NOTHING: readonly string[] = [];

let server: NatsServer;
const connections = new Map<NatsUser, Nats>();

beforeAll(async () => {
  server = await NatsServer.start({ users: 'shipped' });
  for (const user of NATS_USERS) connections.set(user, await connectNats({ ...server.access(user), name: user }, log));
  const admin = as('admin');
  const limits = { ...DEFAULT_STORAGE_LIMITS, readingsMaxBytes: 1e6, outboxMaxBytes: 1e6, backlogMaxBytes: 1e6 };
  await ensureCommonStreams(admin, limits);
  await ensureFleetStreams(admin, 'default', limits);
  await ensureBuckets(admin, { replicas: 1, leaseTtlMs: 60_000 });
});

afterAll(async () => {
  for (const nats of connections.values()) await nats.close();
  await server.stop();
});

function as(user: NatsUser): Nats {
  const nats = connections.get(user);
  if (!nats) throw new TypeError(user);
  return nats;
}

/** Whether the server let the request pass, whatever came of it. */
async function isAllowed(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    return !isGatecastError(translateNatsError(error, 'a test'), 'NATS_PERMISSION');
  }
}

/** Of `names` those for which `request` may be made. */
async function allowed(names: readonly string[], request: (name: string) => Promise<unknown>): Promise<string[]> {
  const answers = await Promise.all(names.map((name) => isAllowed(request(name))));
  return names.filter((_, index) => answers[index]);
}

const api = (user: NatsUser, verb: string) => (stream: string) =>
  as(user).connection.request(`$JS.API.STREAM.${verb}.${stream}`, '{}', { timeout: 5_000 });

const write = (user: NatsUser) => (subject: string) =>
  publishToStream(as(user), subject, Buffer.from('{}'), { headers: new HeaderBlock() });

const consumer = (user: NatsUser, filter: string | undefined, name?: string) => (stream: string) =>
  as(user).jsm.consumers.add(stream, {
    ...(name === undefined ? {} : { name: `${name}-${user}` }),
    ...(filter === undefined ? {} : { filter_subject: filter }),
    ack_policy: AckPolicy.None,
    inactive_threshold: 1_000_000_000,
  });

const kv = (...buckets: string[]) => buckets.map((bucket) => `KV_${bucket}`);

describe('users of NATS, as they are shipped', () => {
  test.each<[NatsUser, readonly string[]]>([
    ['config-api', ['DEADLETTER']],
    ['sensor-ingest', NOTHING],
    ['encoder', ['READINGS']],
    ['mqtt-publisher', ['OUTBOX_default', 'BACKLOG_default']],
    ['admin', ALL],
  ])('%s purges only %j', async (user, streams) => {
    expect(await allowed(ALL, api(user, 'PURGE'))).toEqual(streams);
  });

  test.each<[NatsUser, readonly string[]]>([
    ['config-api', ['DEADLETTER']],
    ['sensor-ingest', NOTHING],
    ['encoder', NOTHING],
    ['mqtt-publisher', ['OUTBOX_default', 'BACKLOG_default']],
  ])('%s deletes messages only of %j', async (user, streams) => {
    expect(await allowed(ALL, api(user, 'MSG.DELETE'))).toEqual(streams);
  });

  test.each<[NatsUser, readonly string[]]>([
    ['config-api', ALL],
    ['sensor-ingest', kv('integrations', 'checkpoints')],
    [
      'encoder',
      [
        ...['READINGS', 'OUTBOX_default', 'BACKLOG_default'],
        ...kv('integrations', 'sensors', 'announced', 'members', 'leases', 'checkpoints'),
      ],
    ],
    [
      'mqtt-publisher',
      [
        ...['READINGS', 'OUTBOX_default', 'BACKLOG_default'],
        ...kv('integrations', 'status', 'members', 'leases', 'checkpoints'),
      ],
    ],
  ])('%s reads messages only of %j', async (user, streams) => {
    expect(await allowed(ALL, api(user, 'MSG.GET'))).toEqual(streams);
  });

  test.each<[NatsUser, readonly string[]]>([
    [
      'config-api',
      [
        'readings.0.gw',
        ...['workspaces', 'fleets', 'apikeys', 'integrations', 'sensors'].map((one) => `$KV.${one}.gw`),
      ],
    ],
    ['sensor-ingest', ['readings.0.gw']],
    [
      'encoder',
      [
        ...['outbox.default.0.gw', 'deadletter.default.gw', '$KV.sensors.gw', '$KV.announced.gw'],
        ...['$KV.members.encoder._.0', '$KV.leases.encoder._.0', '$KV.checkpoints.encoder._.0'],
      ],
    ],
    [
      'mqtt-publisher',
      [
        ...['backlog.default.gw', 'deadletter.default.gw', 'status.ws.gw', '$KV.status.gw'],
        ...['$KV.members.publisher.default.0', '$KV.leases.publisher.default.0', '$KV.checkpoints.publisher.default.0'],
      ],
    ],
  ])('%s writes only %j', async (user, own) => {
    const subjects = [
      ...['readings.0.gw', 'outbox.default.0.gw', 'backlog.default.gw', 'deadletter.default.gw', 'status.ws.gw'],
      ...BUCKETS.filter((bucket) => !['members', 'leases', 'checkpoints'].includes(bucket)).map(
        (bucket) => `$KV.${bucket}.gw`,
      ),
      ...['members', 'leases', 'checkpoints'].flatMap((bucket) =>
        ['encoder._.0', 'publisher.default.0'].map((key) => `$KV.${bucket}.${key}`),
      ),
    ];
    expect(await allowed(subjects, write(user))).toEqual(own);
  });

  test.each(SERVICES)('%s creates, changes and lists streams only if it is config-api', async (user) => {
    const isOne = user === 'config-api';
    expect(await allowed(ALL, api(user, 'UPDATE'))).toEqual(isOne ? ALL : NOTHING);
    expect(await allowed(['NEW'], api(user, 'CREATE'))).toEqual(isOne ? ['NEW'] : NOTHING);
    expect(await isAllowed(as(user).connection.request('$JS.API.STREAM.NAMES', '{}', { timeout: 5_000 }))).toBe(false);
    for (const verb of ['SNAPSHOT', 'RESTORE', 'LEADER.STEPDOWN', 'PEER.REMOVE']) {
      expect(await allowed(ALL, api(user, verb))).toEqual(NOTHING);
    }
  });

  test.each(SERVICES)(
    '%s creates consumers only by name, and by a filter that the server holds it to',
    async (user) => {
      expect(await allowed(ALL, consumer(user, undefined))).toEqual(NOTHING);
      expect(await allowed(ALL, consumer(user, undefined, 'unfiltered'))).toEqual(NOTHING);
      const smuggle = (stream: string) =>
        as(user).connection.request(
          `$JS.API.CONSUMER.CREATE.${stream}.smuggled.$KV.integrations.>`,
          JSON.stringify({
            stream_name: stream,
            config: { name: 'smuggled', filter_subject: '>', ack_policy: 'none' },
          }),
          { timeout: 5_000 },
        );
      const answer = await smuggle('KV_integrations');
      expect(answer.json()).toMatchObject({ error: { err_code: 10131 } }); // the filter is not that of the subject
    },
  );

  test.each<[NatsUser, readonly string[], readonly string[]]>([
    [
      'config-api',
      ['DEADLETTER', 'STATUS_EVENTS'],
      kv('workspaces', 'fleets', 'apikeys', 'integrations', 'sensors', 'status', 'leases', 'checkpoints'),
    ],
    ['sensor-ingest', NOTHING, kv('integrations')],
    ['encoder', ['READINGS'], kv('integrations', 'sensors')],
    ['mqtt-publisher', ['OUTBOX_default', 'BACKLOG_default'], kv('integrations')],
  ])('%s follows only %j and, as a whole, %j', async (user, streams, buckets) => {
    const filterOf: Record<string, string> = {
      READINGS: 'readings.>',
      DEADLETTER: 'deadletter.*.gw',
      STATUS_EVENTS: 'status.ws.gw',
      OUTBOX_default: 'outbox.default.0.>',
      BACKLOG_default: 'backlog.default.gw',
    };
    expect(await allowed(STREAMS, (stream) => consumer(user, filterOf[stream], 'reader')(stream))).toEqual(streams);
    const bucketOf = (stream: string) => stream.replace('KV_', '');
    const watch = (stream: string) => consumer(user, `$KV.${bucketOf(stream)}.>`, 'watch')(stream);
    expect(await allowed(kv(...BUCKETS), watch)).toEqual(buckets);
  });

  test.each(SERVICES)('%s hears nothing but its own inboxes', async (user) => {
    const { connection } = as(user);
    for (const subject of ['>', '_INBOX.>', '_INBOX.admin.>', 'readings.>', 'outbox.>', '$KV.>', '$JS.>']) {
      const refused = new Promise<Error | null>((resolve) => {
        connection.subscribe(subject, { callback: (error) => resolve(error) });
      });
      expect(translateNatsError(await refused, 'listening')).toMatchObject({ code: 'NATS_PERMISSION' });
    }
  });

  test('all read a bucket that is larger than what the server sends without asking (flow control)', async () => {
    const store = await KvStore.open<string>(as('admin'), 'integrations');
    const keys = Array.from({ length: 60 }, (_, n) => `large-${n}`);
    for (const key of keys) await store.create(key, key.padEnd(200_000));
    for (const user of SERVICES) {
      const view = await KvView.open<string>(as(user), 'integrations', log, systemClock);
      expect(Array.from(view.entries(), ([key]) => key)).toEqual(expect.arrayContaining(keys));
      view.stop();
    }
  });

  test('nobody comes in without a password', async () => {
    const refused: string[] = [];
    const abort = new AbortController();
    const onRefused = ({ code }: { code: string }) => {
      refused.push(code);
      abort.abort();
    };
    const connecting = connectNats({ natsUrl: server.url, name: 'nobody', onRefused }, log, abort.signal);
    await expect(connecting).rejects.toThrow();
    expect(refused).toEqual(['NATS_AUTH_FAILED']);
  });

  test('config-api removes the streams of fleets, and nothing else', async () => {
    expect(await allowed(ALL, api('config-api', 'DELETE'))).toEqual(['OUTBOX_default', 'BACKLOG_default']);
    for (const user of SERVICES.filter((one) => one !== 'config-api')) {
      expect(await allowed(ALL, api(user, 'DELETE'))).toEqual(NOTHING);
    }
  });

  test('a store says that it may not write, with the subject', async () => {
    const store = await KvStore.open<number>(as('mqtt-publisher'), 'integrations');
    for (const request of [() => store.create('gw', 1), () => store.update('gw', 1, 1), () => store.delete('gw')]) {
      await expect(request()).rejects.toMatchObject({
        code: 'NATS_PERMISSION',
        retryable: false,
        message: expect.stringContaining('$KV.integrations.gw'),
      });
    }
  });
});

import { encodeBatch } from '@gatecast/shared/outbox';
import { waitFor } from '@gatecast/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Partition } from '../../src/application/partition.ts';
import { EncoderWorld, FakeLease, LIMITS } from './encoder-world.ts';

async function startWorld(limits = LIMITS) {
  const world = new EncoderWorld();
  const partition = new Partition(0, new FakeLease(10), world.ports, limits);
  partition.start();
  onTestFinished(() => partition.stop());
  return world;
}

const counters = (world: EncoderWorld, gateway: string) =>
  world.outbox.of(gateway).map(({ emission }) => emission.first);

describe('a gateway in the encoder', () => {
  it('publishes again what was not stored', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    world.outbox.mishaps.push(
      { code: 'NATS_UNAVAILABLE', isStored: false },
      { code: 'OUTCOME_UNKNOWN', isStored: false },
    );
    world.send('gw', life, 1);
    await world.clock.advance(1_000);
    expect(world.values('gw')).toEqual([1]);
  });

  it('does not publish again what was stored after all', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    world.outbox.mishaps.push({ code: 'OUTCOME_UNKNOWN', isStored: true });
    world.send('gw', life, 1);
    world.send('gw', life, 2);
    await world.clock.advance(1_000);
    expect(world.values('gw')).toEqual([1, 2]);
    expect(counters(world, 'gw')).toEqual([1, 2]);
  });

  it('goes on behind another encoder that was faster', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    const sequence = world.readings.stored.length + 1;
    world.outbox.beforeNextPublish = () => {
      const payload = Buffer.from('{"n":"1"}');
      world.outbox.store('gw', {
        incarnation: life,
        source: { sequence, part: 2, parts: 2 },
        first: 1,
        moves: 0,
        messages: [{ topic: 't', payload, retain: false }],
        expectLast: 0,
        unitsDone: 1,
      });
    };
    world.send('gw', life, 1);
    world.send('gw', life, 2);
    await waitFor(() => world.values('gw').length === 2);
    expect(world.values('gw')).toEqual([1, 2]);
    expect(counters(world, 'gw')).toEqual([1, 2]);
    expect(world.count('publishFailed', 'SUBJECT_SEQUENCE_CONFLICT')).toBe(1);
  });

  it('reads its tail once, and again only after a conflict', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    for (const n of [1, 2, 3]) world.send('gw', life, n);
    await waitFor(() => world.values('gw').length === 3);
    expect(world.outbox.tailReads).toBe(1);
    world.outbox.purge('gw');
    world.send('gw', life, 4);
    await waitFor(() => world.values('gw').length === 1);
    expect(world.outbox.tailReads).toBe(2);
    expect(counters(world, 'gw')).toEqual([4]);
  });

  it('waits for room in a full outbox, and holds nobody else back', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    const other = await world.register('free', {}, 'other');
    world.outbox.full.add('default');
    world.send('gw', life, 1);
    world.send('free', other, 1);
    await waitFor(() => world.values('free', 'other').length === 1);
    await world.clock.advance(10_000);
    expect(world.count('waitingForOutbox', 1) - world.count('waitingForOutbox', -1)).toBe(1);
    world.outbox.full.clear();
    await world.clock.advance(5_000);
    expect(world.values('gw')).toEqual([1]);
    expect(world.count('waitingForOutbox', 1)).toBe(world.count('waitingForOutbox', -1));
  });

  it('asks for a registration that its view does not know yet, once', async () => {
    const world = await startWorld();
    const former = await world.register('gw');
    world.send('gw', former, 1);
    await waitFor(() => world.values('gw').length === 1);
    world.integrations.view.hold();
    const current = await world.register('gw');
    for (const n of [2, 3, 4]) world.send('gw', current, n);
    world.send('gw', former, 5);
    world.send('gw', current, 6);
    await waitFor(() => world.values('gw').length === 5);
    expect(world.values('gw')).toEqual([1, 2, 3, 4, 6]);
    expect(counters(world, 'gw')).toEqual([1, 1, 2, 3, 4]);
    expect(world.asked).toBe(1);
    world.integrations.view.release();
    world.send('gw', current, 7);
    await waitFor(() => world.values('gw').length === 6);
    expect(world.count('batch', 'former_incarnation')).toBe(1);
  });

  it('drops the batches of a deleted gateway, and asks about them once', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    await world.integrations.delete('gw');
    for (const n of [1, 2, 3]) world.send('gw', life, n);
    await waitFor(() => world.count('batch', 'former_incarnation') === 3);
    expect(world.asked).toBe(1);
    await world.clock.advance(250);
    expect(await world.record()).toMatchObject({ seq: 3, gateways: {} });
  });

  it('skips disabled integrations, but takes in what the gateway says of itself', async () => {
    const world = await startWorld();
    const life = await world.register('gw', { enabled: false });
    world.sendRequest('gw', life, { measurements: [], firmwareVersion: '1.2' });
    await waitFor(() => world.count('batch', 'disabled') === 1);
    expect((await world.sensors.get('gw'))?.value).toMatchObject({ incarnation: life, firmwareVersion: '1.2' });
    expect(world.outbox.of('gw')).toEqual([]);
  });

  it('sets aside what cannot be encoded before it goes on', async () => {
    const world = await startWorld();
    const life = await world.register('gw', { profile: 'aws-iot-core', rootTopic: 'a/b/c/d' });
    world.sendRequest('gw', life, '[]');
    world.readings.append('gw', 'x', { envelope: { kind: 'unreadable', reason: 'schema_unknown' } });
    world.send('gw', life, 1);
    await waitFor(() => world.letters.length === 3);
    expect(world.letters).toEqual([
      { fleet: 'default', reason: 'payload_malformed', body: '[]' },
      { fleet: 'default', reason: 'schema_unknown', body: 'x' },
      {
        fleet: 'default',
        reason: 'topic_too_deep',
        body: '{"measurements":[{"sensorId":"S","time":1,"values":{"n":"1"}}]}',
      },
    ]);
    await world.clock.advance(250);
    expect((await world.record())?.seq).toBe(3);
  });

  it('announces metadata with the first batch, and again only after a change', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    const sensors = [{ sensorId: 'S', name: 'Desk' }];
    const request = (n: number) => ({ measurements: [{ sensorId: 'S', time: n, values: { n: `${n}` } }] });
    world.sendRequest('gw', life, { ...request(1), sensors });
    world.sendRequest('gw', life, { ...request(2), sensors });
    world.sendRequest('gw', life, { ...request(3), sensors: [{ sensorId: 'S', name: 'Shelf' }] });
    await waitFor(() => world.values('gw').length === 3);
    const shown = world.outbox.texts('gw').map((text) => (text.startsWith('{') ? 'reading' : text));
    expect(shown).toEqual(['Desk', 'reading', 'reading', 'Shelf', 'reading']);
    await waitFor(async () => (await world.announced.get('gw'))?.value.topics['sensors/S/name'] === 'Shelf');
  });

  it('finishes in parts what was begun in parts', async () => {
    const world = await startWorld({ ...LIMITS, batch: { maxBytes: 256 * 1024, maxMessages: 2 } });
    const life = await world.register('gw');
    const measurements = [1, 2, 3, 4, 5].map((n) => ({ sensorId: 'S', time: n, values: { n: `${n}` } }));
    world.outbox.mishaps.push(
      { code: 'OUTCOME_UNKNOWN', isStored: true },
      { code: 'OUTCOME_UNKNOWN', isStored: false },
    );
    world.sendRequest('gw', life, { measurements });
    await world.clock.advance(1_000);
    expect(world.values('gw')).toEqual([1, 2, 3, 4, 5]);
    expect(world.outbox.of('gw').map(({ emission }) => emission.source.part)).toEqual([3, 5, 6]);
    expect(counters(world, 'gw')).toEqual([1, 3, 5]);
  });

  it('tells of when the gateway was heard last, and not of what config-api sent for it', async () => {
    const world = await startWorld();
    const life = await world.register('gw');
    const heard = world.clock.now() + 5;
    const envelope = { kind: 'readable', incarnation: life, content: 'measurements', isRequeued: false } as const;
    const empty = { measurements: [] };
    world.readings.append('gw', empty, { time: heard, envelope: { ...envelope, isFromGateway: true } });
    world.readings.append('gw', empty, { time: heard + 100, envelope: { ...envelope, isFromGateway: false } });
    await world.clock.advance(500);
    expect((await world.record())?.gateways.gw).toMatchObject({ c: 0, s: 2, t: heard });
  });

  describe('with a dead letter that is re-queued', () => {
    const requeued = (incarnation: string, content: 'measurements' | 'messages') =>
      ({ kind: 'readable', incarnation, content, isRequeued: true, isFromGateway: false }) as const;

    it('encodes readings although it knows them, and knows them afterwards', async () => {
      const world = await startWorld();
      const life = await world.register('gw');
      const measurements = [{ sensorId: 'S', time: 1, values: { n: '1' } }];
      world.sendRequest('gw', life, { measurements });
      world.readings.append('gw', { measurements }, { envelope: requeued(life, 'measurements') });
      world.sendRequest('gw', life, { measurements });
      await world.clock.advance(1_000);
      expect(world.values('gw')).toEqual([1, 1]);
      expect(world.count('repeats', 1)).toBe(1);
    });

    it('passes ready messages on as they are, with the next counters', async () => {
      const world = await startWorld();
      const life = await world.register('gw');
      const payload = Buffer.from([0, 255, 7]);
      const messages = [
        { topic: 'old/root', payload, retain: true },
        { topic: 'old/root/2', payload, retain: false },
      ];
      world.send('gw', life, 1);
      world.readings.append('gw', encodeBatch(messages), { envelope: requeued(life, 'messages') });
      world.send('gw', life, 2);
      await world.clock.advance(1_000);
      expect(world.outbox.of('gw').map(({ emission }) => [emission.first, emission.messages.length])).toEqual([
        [1, 1],
        [2, 2],
        [4, 1],
      ]);
      const { emission } = world.outbox.of('gw')[1]!;
      expect(emission.messages).toEqual(messages);
      expect(emission.source).toMatchObject({ part: 3, parts: 3 });
      expect(world.count('batch', 'passed_on')).toBe(1);
    });

    it('goes on in the middle of ready messages', async () => {
      const world = await startWorld({ ...LIMITS, batch: { maxBytes: 1_000_000, maxMessages: 1 } });
      const life = await world.register('gw');
      const messages = ['a', 'b', 'c'].map((topic) => ({ topic, payload: Buffer.from(topic), retain: false }));
      world.outbox.mishaps.push(
        { code: 'OUTCOME_UNKNOWN', isStored: true },
        { code: 'OUTCOME_UNKNOWN', isStored: false },
      );
      world.readings.append('gw', encodeBatch(messages), { envelope: requeued(life, 'messages') });
      await world.clock.advance(5_000);
      expect(world.outbox.texts('gw')).toEqual(['a', 'b', 'c']);
      expect(counters(world, 'gw')).toEqual([1, 2, 3]);
    });

    it('sets a body aside that holds no messages, and sends nothing of a disabled integration', async () => {
      const world = await startWorld();
      const life = await world.register('gw');
      world.readings.append('gw', 'no frames', { envelope: requeued(life, 'messages') });
      await world.clock.advance(1_000);
      expect(world.letters).toEqual([{ fleet: 'default', reason: 'payload_malformed', body: 'no frames' }]);
      const disabled = await world.register('off', { enabled: false });
      world.readings.append('off', encodeBatch([]), { envelope: requeued(disabled, 'messages') });
      await world.clock.advance(1_000);
      expect(world.outbox.of('off')).toEqual([]);
    });
  });
});

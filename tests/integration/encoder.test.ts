import { HeaderBlock } from '@gatecast/shared/nats';
import { waitFor } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import {
  counterFault,
  type EncoderHarness,
  readingsHeaders,
  startHarness,
  valuesOf,
} from './support/encoder-harness.ts';

const reading = (time: number, values: Record<string, string | number> = { co2: '452' }, sensorId = '3002FA') => ({
  sensorId,
  time,
  values,
});

/** Topics and texts of the retained messages, since message `from` of the outbox. */
async function announcedSince(harness: EncoderHarness, gatewayId: string, from: number) {
  const messages = (await harness.outbox(gatewayId)).flatMap((one) => one.messages);
  return messages
    .slice(from)
    .filter(({ retain }) => retain)
    .map(({ topic, text }) => `${topic} = ${text}`);
}

describe('encoder', () => {
  it('carries texts digit for digit to the outbox', async () => {
    const harness = await startHarness();
    await harness.startEncoder();
    const incarnation = await harness.register('gw1');
    const sequence = await harness.send('gw1', incarnation, {
      measurements: [reading(1729716854, { temperature: '22.800', co2: 452, rssi: '-69.000000' })],
    });
    const record = await harness.passed('gw1', sequence);
    expect(await harness.outbox('gw1')).toMatchObject([
      {
        headers: { incarnation, first: 1, count: 1, source: { sequence } },
        messages: [
          {
            topic: 'Aranet/gw1/sensors/3002FA/json/measurements',
            text: '{"time":"1729716854","temperature":"22.800","co2":"452","rssi":"-69.000000"}',
            retain: false,
          },
        ],
      },
    ]);
    expect(record.gateways.gw1).toMatchObject({ i: incarnation, c: 1, s: sequence, t: expect.any(Number) });
  });

  it('keeps the order of every gateway, and encodes by the settings of the moment', async () => {
    const harness = await startHarness();
    await harness.startEncoder();
    const gateways = ['gw1', 'gw2', 'gw3', 'gw4', 'gw5'];
    const incarnations = await Promise.all(gateways.map((gateway) => harness.register(gateway)));
    let last = 0;
    let revision = 0;
    for (let round = 0; round < 40; round += 1) {
      const sent = gateways.map((gateway, index) =>
        harness.send(gateway, incarnations[index] ?? '', {
          measurements: [reading(round), reading(round, { co2: '1' }, 'B')],
        }),
      );
      last = Math.max(...(await Promise.all(sent)));
      if (round === 20) {
        const change = { host: 'broker.example', rootTopic: 'New' };
        revision = await harness.configure('gw3', (record) => ({ ...record, mqtt: change }));
      }
    }
    const rounds = Array.from({ length: 40 }, (_, round) => [`${round}`, `${round}`]).flat();
    for (const gateway of gateways) {
      await harness.passed(gateway, last - 4);
      const outbox = await waitFor(async () => {
        const messages = await harness.outbox(gateway);
        return valuesOf(messages, 'time').length === rounds.length && messages;
      });
      expect(valuesOf(outbox, 'time')).toEqual(rounds);
      expect(counterFault(outbox)).toBeUndefined();
    }
    const changed = await harness.outbox('gw3');
    const isNew = changed.map(({ headers }) => headers.settings === revision);
    expect(isNew).toEqual([...isNew].sort());
    expect(changed.at(-1)?.headers.settings).toBe(revision);
    for (const { headers, messages } of changed) {
      const root = headers.settings === revision ? 'New/' : 'Aranet/';
      expect(messages.every(({ topic }) => topic.startsWith(root))).toBe(true);
    }
  });

  it('splits a large source, at readings', async () => {
    const harness = await startHarness();
    await harness.startEncoder({ GATECAST_BATCH_MAX_MESSAGES: '64', GATECAST_BATCH_MAX_BYTES: '16384' });
    const incarnation = await harness.register('gw1', { format: 'raw' });
    const values = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`m${index}`, `${index}.0`]));
    const measurements = Array.from({ length: 500 }, (_, index) => reading(index, values));
    const sequence = await harness.send('gw1', incarnation, { measurements });
    await harness.passed('gw1', sequence);
    const outbox = await harness.outbox('gw1');
    expect(counterFault(outbox)).toBeUndefined();
    expect(outbox.flatMap(({ messages }) => messages)).toHaveLength(500 * 21);
    expect(outbox.every(({ messages }) => messages.length === 63 || messages.length === 42)).toBe(true);
    expect(outbox.map(({ headers }) => headers.source.part)).toEqual(
      outbox.map(({ headers }) => headers.source.part).toSorted((a, b) => a - b),
    );
    expect(outbox.at(-1)?.headers.source).toEqual({ sequence, part: 501, parts: 501 });
  });

  it('takes requests of the largest size without a stall', async () => {
    const harness = await startHarness();
    await harness.startEncoder();
    const incarnation = await harness.register('gw1');
    const values = Object.fromEntries(Array.from({ length: 27 }, (_, index) => [`metric${index}`, '12345.678']));
    let last = 0;
    for (let batch = 0; batch < 6; batch += 1) {
      const measurements = Array.from({ length: 800 }, (_, index) => reading(batch * 1_000 + index, values));
      expect(JSON.stringify({ measurements }).length).toBeGreaterThan(500_000);
      last = await harness.send('gw1', incarnation, { measurements });
    }
    // A pull request that ended without being noticed would be missed only after ten seconds.
    await harness.passed('gw1', last, 9_000);
    expect(valuesOf(await harness.outbox('gw1'), 'time')).toHaveLength(6 * 800);
  });

  it('announces metadata when it changes, clears what no longer applies, and follows a change of root', async () => {
    const harness = await startHarness();
    await harness.startEncoder();
    const incarnation = await harness.register('gw1', {}, 'Hall');
    let seen = 0;
    const after = async (sequence: number) => {
      await harness.passed('gw1', sequence);
      const announced = await announcedSince(harness, 'gw1', seen);
      seen = (await harness.outbox('gw1')).flatMap(({ messages }) => messages).length;
      return announced;
    };
    const sensors = [{ sensorId: '3002FA', name: 'Desk', productNumber: 'TDSPC003' }];
    const first = { measurements: [reading(1)], sensors, firmwareVersion: '1.2.3' };
    expect(await after(await harness.send('gw1', incarnation, first))).toEqual([
      'Aranet/gw1/name = Hall',
      'Aranet/gw1/sensors/3002FA/name = Desk',
      'Aranet/gw1/sensors/3002FA/productNumber = TDSPC003',
    ]);
    expect((await harness.sensors.get('gw1'))?.value).toEqual({
      incarnation,
      firmwareVersion: '1.2.3',
      sensors: { '3002FA': { name: 'Desk', productNumber: 'TDSPC003' } },
    });
    expect(await after(await harness.send('gw1', incarnation, { measurements: [reading(2)] }))).toEqual([]);

    const removal = { measurements: [reading(3)], sensors: [{ sensorId: '3002FA', name: null }] };
    expect(await after(await harness.send('gw1', incarnation, removal))).toEqual(['Aranet/gw1/sensors/3002FA/name = ']);

    const revision = await harness.configure('gw1', (record) => ({
      ...record,
      mqtt: { host: 'broker.example', rootTopic: 'New' },
    }));
    const nudge = await harness.publish('gw1', '{"measurements":[]}', readingsHeaders(incarnation, undefined));
    expect(await after(nudge.sequence)).toEqual([
      'Aranet/gw1/name = ',
      'Aranet/gw1/sensors/3002FA/productNumber = ',
      'New/gw1/name = Hall',
      'New/gw1/sensors/3002FA/productNumber = TDSPC003',
    ]);
    const outbox = await harness.outbox('gw1');
    expect(outbox.at(-1)?.headers.settings).toBe(revision);
    expect(counterFault(outbox)).toBeUndefined();
  });

  it('skips disabled integrations, and goes on when they are enabled', async () => {
    const harness = await startHarness();
    const encoder = await harness.startEncoder();
    const incarnation = await harness.register('gw1', { enabled: false });
    await harness.passed('gw1', await harness.send('gw1', incarnation, { measurements: [reading(1)] }));
    expect(await harness.outbox('gw1')).toEqual([]);
    expect(await harness.metric(encoder, 'gatecast_encoder_batches_total')).toBe(1);
    await harness.configure('gw1', (record) => ({ ...record, mqtt: { host: 'broker.example' } }));
    await waitFor(async () => {
      await harness.passed('gw1', await harness.send('gw1', incarnation, { measurements: [reading(Date.now())] }));
      return (await harness.outbox('gw1')).length > 0;
    });
    expect(counterFault(await harness.outbox('gw1'))).toBeUndefined();
  });

  it('lets nothing of a former registration through', async () => {
    const harness = await startHarness();
    const encoder = await harness.startEncoder();
    const former = await harness.register('gw1');
    await harness.passed('gw1', await harness.send('gw1', former, { measurements: [reading(1), reading(2)] }));
    const current = await harness.register('gw1');
    await harness.send('gw1', former, { measurements: [reading(3)] });
    const sequence = await harness.send('gw1', current, { measurements: [reading(4)] });
    const late = await harness.send('gw1', former, { measurements: [reading(5)] });
    const record = await harness.passed('gw1', late);
    const outbox = await harness.outbox('gw1');
    expect(outbox.map(({ headers }) => [headers.incarnation, headers.first, headers.count])).toEqual([
      [former, 1, 2],
      [current, 1, 1],
    ]);
    expect(outbox.at(-1)?.headers.source.sequence).toBe(sequence);
    expect(record.gateways.gw1).toMatchObject({ i: current, c: 1 });
    const text = await (await fetch(`${encoder.adminUrl}/metrics`)).text();
    expect(text).toContain('gatecast_encoder_batches_total{outcome="former_incarnation"} 2');
  });

  it('sets aside what cannot be encoded, and goes on', async () => {
    const harness = await startHarness();
    const encoder = await harness.startEncoder();
    const incarnation = await harness.register('gw1', { rootTopic: 'a+b' });
    const unknown = new HeaderBlock();
    unknown.set('Gatecast-Schema', '99');
    await harness.publish('gw1', 'from the future', unknown);
    await harness.send('gw1', incarnation, 'not json');
    const sequence = await harness.send('gw1', incarnation, { measurements: [reading(1), reading(2)] });
    await harness.passed('gw1', sequence);
    expect(await harness.deadLetters('gw1')).toEqual([
      { subject: 'deadletter.default.gw1', reason: 'schema_unknown', body: 'from the future' },
      { subject: 'deadletter.default.gw1', reason: 'payload_malformed', body: 'not json' },
      {
        subject: 'deadletter.default.gw1',
        reason: 'topic_invalid',
        body: JSON.stringify({ measurements: [reading(1), reading(2)] }),
      },
    ]);
    expect(await harness.outbox('gw1')).toEqual([]);
    expect(await harness.metric(encoder, 'gatecast_encoder_dead_letter_readings_total')).toBe(2);
  });

  it('purges from READINGS what all partitions have passed, idle ones too', async () => {
    const harness = await startHarness();
    const settings = { GATECAST_LOOK_BACK_SECONDS: '0', GATECAST_HOUSEKEEPING_INTERVAL_SECONDS: '1' };
    const encoder = await harness.startEncoder(settings);
    const incarnation = await harness.register('gw1');
    let last = 0;
    for (let time = 0; time < 20; time += 1) {
      last = await harness.send('gw1', incarnation, { measurements: [reading(time)] });
    }
    // What was accepted in the same millisecond as the last one stays with it.
    const kept = await waitFor(
      async () => {
        const state = await harness.readingsState();
        return Date.parse(state.first_ts) === Date.parse(state.last_ts) && state;
      },
      { timeoutMs: 15_000 },
    );
    expect(await harness.metric(encoder, 'gatecast_encoder_readings_purged_total')).toBe(20 - kept.messages);
    expect((await harness.record('gw1'))?.seq).toBe(last);
    await harness.passed('gw1', await harness.send('gw1', incarnation, { measurements: [reading(20)] }));
    expect(valuesOf(await harness.outbox('gw1'), 'time')).toHaveLength(21);
  });
});

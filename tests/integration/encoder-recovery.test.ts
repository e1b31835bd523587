import { setTimeout as pause } from 'node:timers/promises';
import { ensureFleetStreams, outboxStreamOf } from '@gatecast/shared/nats';
import { waitFor } from '@gatecast/shared/testing';
import { describe, expect, it } from 'vitest';
import { counterFault, type EncoderHarness, FLEET, startHarness, valuesOf } from './support/encoder-harness.ts';

const SENSORS = ['A1', 'B2', 'C3'];

/** A batch whose values say which reading of the gateway they are. */
function batchOf(round: number) {
  return {
    measurements: SENSORS.map((sensorId, index) => ({
      sensorId,
      time: round,
      values: { n: `${round * SENSORS.length + index}` },
    })),
  };
}

const numbersUpTo = (rounds: number) => Array.from({ length: rounds * SENSORS.length }, (_, index) => `${index}`);

/** Between two rounds: sent without a pause, one line of readings would take minutes to encode. */
const ROUND_MS = 5;

/** Gateways that send round after round, until told to stop. */
class Flow {
  readonly #harness: EncoderHarness;
  readonly #gateways = new Map<string, string>();
  #rounds = 0;
  /** Sequence of the last batch, by gateway. */
  readonly #last = new Map<string, number>();
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(harness: EncoderHarness) {
    this.#harness = harness;
  }

  get rounds(): number {
    return this.#rounds;
  }

  async start(gateways: readonly string[]): Promise<void> {
    for (const gateway of gateways) this.#gateways.set(gateway, await this.#harness.register(gateway));
    this.#running = this.#run();
  }

  async beyond(rounds: number): Promise<void> {
    const until = this.#rounds + rounds;
    await waitFor(() => this.#rounds >= until, { timeoutMs: 20_000 });
  }

  /** Stops sending and checks that everything sent is in the outbox: once, in order, counted without gap or repeat. */
  async stopAndCheck(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    for (const gateway of this.#gateways.keys()) {
      const expected = numbersUpTo(this.#rounds);
      await this.#harness.passed(gateway, this.#last.get(gateway) ?? 0, 30_000);
      const outbox = await this.#harness.outbox(gateway);
      expect(valuesOf(outbox, 'n')).toEqual(expected);
      expect(counterFault(outbox)).toBeUndefined();
    }
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      for (const [gateway, incarnation] of this.#gateways) await this.#send(gateway, incarnation);
      this.#rounds += 1;
      await pause(ROUND_MS);
    }
  }

  /** As a gateway does: the same batch again, until it is accepted; NATS knows a repeat. */
  async #send(gateway: string, incarnation: string): Promise<void> {
    await waitFor(
      async () => {
        this.#last.set(gateway, await this.#harness.send(gateway, incarnation, batchOf(this.#rounds)));
        return true;
      },
      { timeoutMs: 30_000, intervalMs: 50 },
    );
  }
}

const GATEWAYS = ['gw1', 'gw2', 'gw3', 'gw4', 'gw5', 'gw6'];

describe('encoder, when something fails', () => {
  it('encodes nothing twice and leaves nothing out when it is killed in mid-flow', async () => {
    const harness = await startHarness();
    // Records are seldom, sources have several parts: what was done is mostly learned from the tails.
    const settings = { GATECAST_RECORD_INTERVAL_MS: '1000', GATECAST_BATCH_MAX_MESSAGES: '2' };
    let encoder = await harness.startEncoder(settings);
    const flow = new Flow(harness);
    await flow.start(GATEWAYS);
    for (let kill = 0; kill < 2; kill += 1) {
      await flow.beyond(30);
      await encoder.kill('SIGKILL');
      encoder = await harness.startEncoder(settings);
      await waitFor(async () => (await harness.metric(encoder, 'gatecast_encoder_outbox_batches_total')) > 0, {
        timeoutMs: 20_000,
        intervalMs: 100,
      });
    }
    await flow.stopAndCheck();
  });

  it('neither encodes again nor stalls when it is killed after its outbox was purged empty', async () => {
    const harness = await startHarness();
    const encoder = await harness.startEncoder();
    const incarnation = await harness.register('gw1');
    let last = 0;
    for (let round = 0; round < 5; round += 1) last = await harness.send('gw1', incarnation, batchOf(round));
    await harness.passed('gw1', last);
    await harness.purgeOutbox('gw1');
    await encoder.kill('SIGKILL');
    const next = await harness.send('gw1', incarnation, batchOf(5));
    await harness.startEncoder();
    const record = await harness.passed('gw1', next);
    const outbox = await harness.outbox('gw1');
    expect(valuesOf(outbox, 'n')).toEqual(['15', '16', '17']);
    expect(counterFault(outbox, 16)).toBeUndefined();
    expect(record.gateways.gw1?.c).toBe(18);
  });

  it('goes on counting when its outbox is purged while it runs', async () => {
    const harness = await startHarness();
    const encoder = await harness.startEncoder();
    const incarnation = await harness.register('gw1');
    await harness.passed('gw1', await harness.send('gw1', incarnation, batchOf(0)));
    await harness.purgeOutbox('gw1');
    await harness.passed('gw1', await harness.send('gw1', incarnation, batchOf(1)));
    expect(counterFault(await harness.outbox('gw1'), 4)).toBeUndefined();
    expect(await harness.metric(encoder, 'gatecast_encoder_publish_failures_total')).toBe(1);
  });

  it('holds back the gateways of a full outbox, and no others', async () => {
    const harness = await startHarness({ outboxMaxBytes: 32 * 1024 });
    await ensureFleetStreams(harness.nats, 'other', { ...harness.limits, outboxMaxBytes: 10 * 1024 * 1024 });
    const encoder = await harness.startEncoder();
    const incarnation = await harness.register('gw1');
    const other = await harness.register('gw2');
    await harness.configure('gw2', (record) => ({ ...record, fleet: 'other' }));
    const rounds = 200;
    let last = 0;
    for (let round = 0; round < rounds; round += 1) {
      await harness.send('gw1', incarnation, batchOf(round));
      last = await harness.send('gw2', other, batchOf(round));
    }
    await waitFor(async () => (await harness.metric(encoder, 'gatecast_encoder_waiting_for_outbox')) === 1);
    await harness.passed('gw2', last - 1);
    expect((await harness.record('gw2'))?.gateways.gw2?.c).toBe(rounds * SENSORS.length);

    const seen: string[] = [];
    await waitFor(
      async () => {
        const outbox = await harness.outbox('gw1');
        seen.push(...valuesOf(outbox, 'n'));
        const seq = (outbox.at(-1)?.sequence ?? 0) + 1;
        await harness.nats.jsm.streams.purge(outboxStreamOf(FLEET, 0), { seq });
        return seen.length >= rounds * SENSORS.length;
      },
      { timeoutMs: 60_000, intervalMs: 100 },
    );
    expect(seen).toEqual(numbersUpTo(rounds));
    await harness.passed('gw1', last - 1);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('goes on when NATS is ended by %s and started again', async (signal) => {
    const harness = await startHarness();
    await harness.startEncoder();
    const flow = new Flow(harness);
    await flow.start(GATEWAYS);
    for (let restart = 0; restart < 2; restart += 1) {
      await flow.beyond(30);
      await harness.server.restart({ signal });
    }
    await flow.beyond(30);
    await flow.stopAndCheck();
  });

  it('hands over at once when it is asked to stop', async () => {
    const harness = await startHarness();
    const first = await harness.startEncoder({ GATECAST_RECORD_INTERVAL_MS: '1000' });
    const flow = new Flow(harness);
    await flow.start(GATEWAYS);
    await flow.beyond(20);
    const second = await harness.startEncoder();
    await flow.beyond(20);
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await waitFor(async () => (await harness.metric(second, 'gatecast_encoder_outbox_batches_total')) > 0, {
      timeoutMs: 2_500,
      describe: 'the second encoder, before the lease of the first could have expired',
    });
    await flow.stopAndCheck();
  });

  it('drops repeats, also across a restart', async () => {
    const harness = await startHarness();
    const encoder = await harness.startEncoder();
    const incarnation = await harness.register('gw1');
    const repeated = (rssi: number, times: number[]) => ({
      measurements: times.map((time) => ({ sensorId: 'A1', time, values: { n: `${time}`, rssi } })),
    });
    await harness.passed('gw1', await harness.send('gw1', incarnation, repeated(-60, [1, 2])));
    await harness.passed('gw1', await harness.send('gw1', incarnation, repeated(-70, [2, 3])));
    expect(await harness.metric(encoder, 'gatecast_encoder_duplicate_readings_total')).toBe(1);
    await encoder.stop();
    await harness.purgeOutbox('gw1');
    const later = await harness.startEncoder();
    await harness.passed('gw1', await harness.send('gw1', incarnation, repeated(-80, [4, 1, 3])));
    const outbox = await harness.outbox('gw1');
    expect(valuesOf(outbox, 'n')).toEqual(['4']);
    expect(counterFault(outbox, 4)).toBeUndefined();
    expect(await harness.metric(later, 'gatecast_encoder_duplicate_readings_total')).toBe(2);
  });
});

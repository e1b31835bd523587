import type { GatewayCheckpoint } from '@gatecast/shared/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeliveryPump } from '../../src/application/delivery-pump.ts';
import { EXTRA_IDS } from '../../src/domain/packet-ids.ts';
import type { SessionSettings } from '../../src/domain/session-settings.ts';
import { FakeBacklogStore } from '../support/fake-backlog-store.ts';
import { LineHarness } from '../support/line-harness.ts';
import { type BrokerConnection, SessionKeepingBroker } from '../support/session-keeping-broker.ts';
import { settingsOf } from '../support/settings.ts';

/** Just before packet ids start again from 1. */
const START = 64_995;
const WINDOW = 3;

/** One gateway, its process (one after another), its durable record, its waiting room and its broker. */
class World {
  readonly broker: SessionKeepingBroker;
  readonly #backlog = new FakeBacklogStore();
  readonly #settings: SessionSettings;
  readonly #batches: { first: number; last: number }[] = [];
  /** The durable record, and the write under way: durable or not, not yet confirmed. */
  durable: GatewayCheckpoint = { i: 'first', s: START };
  #writing: { built: GatewayCheckpoint; isDurable: boolean } | undefined;
  harness: LineHarness;
  /** Payloads of dead letters that former processes stored. */
  readonly #deadLetters: string[] = [];
  /** Index of the batch that OUTBOX gives next. */
  #offered = 0;
  #pump: DeliveryPump | undefined;
  #connection: BrokerConnection | undefined;
  #connecting: { abort: AbortController; isReady: boolean; cleanStart: boolean } | undefined;

  constructor(protocolVersion: '3.1.1' | '5', sizes: readonly number[]) {
    this.#settings = settingsOf({ protocolVersion, qos: 2, advanced: { inFlight: WINDOW } });
    this.broker = new SessionKeepingBroker(protocolVersion === '5');
    let first = START + 1;
    for (const size of sizes) {
      this.#batches.push({ first, last: first + size - 1 });
      first += size;
    }
    this.harness = new LineHarness({ checkpoint: this.durable, backlog: this.#backlog });
  }

  get all(): number[] {
    return Array.from({ length: (this.#batches.at(-1)?.last ?? START) - START }, (_, index) => START + 1 + index);
  }

  /** Counters in DEADLETTER; a repeat is the same letter. */
  get deadLetters(): Set<number> {
    return new Set([...this.#deadLetters, ...this.harness.deadLetters.map(({ payload }) => payload)].map(Number));
  }

  offer(): void {
    const batch = this.#batches[this.#offered];
    if (!batch) return;
    this.#offered += 1;
    this.harness.offer(batch.first, batch.last);
  }

  /** The process asks for a connection, or sends CONNECT when it may. */
  async connect(): Promise<void> {
    if (this.#pump) return;
    if (!this.#connecting) {
      const connecting = { abort: new AbortController(), isReady: false, cleanStart: false };
      this.#connecting = connecting;
      void this.harness.line.exactlyOnce.prepare(this.#settings, connecting.abort.signal).then(({ cleanStart }) => {
        connecting.isReady = true;
        connecting.cleanStart = cleanStart;
      });
      await this.harness.settle();
    }
    if (!this.#connecting.isReady || this.#connection) return;
    this.harness.line.exactlyOnce.connecting(this.#settings);
    this.#connection = this.broker.connect(this.#connecting.cleanStart);
  }

  /** CONNACK arrives. */
  connack(): void {
    if (this.#pump || !this.#connection) return;
    if (!this.#connection.isOpen) {
      this.harness.line.exactlyOnce.failed(this.#settings, { phase: 'connack', kind: 'closed' });
      this.#connection = undefined;
      this.#connecting = undefined;
      return;
    }
    this.#connecting = undefined;
    const { line, context } = this.harness;
    line.exactlyOnce.opened(this.#settings, this.#connection.grant);
    const pump = new DeliveryPump(this.#connection, this.#settings, 1, line, context, {
      onProof: () => {},
      onFailure: () => {},
      onSetAside: () => {},
    });
    this.#pump = pump;
    this.harness.onFed = () => pump.run();
    line.brokerIs('back');
    pump.run();
  }

  cut(): void {
    this.broker.cut();
    this.#notice();
  }

  forget(): void {
    this.broker.forget();
    this.#notice();
  }

  /** The broker has been away for long: what waits goes to the waiting room. */
  away(): void {
    if (!this.#pump) this.harness.line.brokerIs('away');
  }

  beginRecord(): void {
    this.#writing ??= { built: this.harness.line.checkpoint(), isDurable: false };
  }

  write(): void {
    if (!this.#writing || this.#writing.isDurable) return;
    this.#writing.isDurable = true;
    this.durable = { ...this.#writing.built };
  }

  confirm(): void {
    if (!this.#writing?.isDurable) return;
    const { built } = this.#writing;
    this.#writing = undefined;
    for (const batch of [...this.harness.outstanding.batches()]) {
      if (batch.inBacklog || built.s >= batch.last) this.harness.outstanding.remove(batch);
    }
    this.harness.line.recordedAs({ ...built });
    this.#pump?.run();
  }

  /** kill -9: the next process knows the record, OUTBOX and the waiting room, and nothing else. */
  async crash(): Promise<void> {
    this.#connecting?.abort.abort();
    this.harness.line.stop();
    this.#pump?.close('closed');
    this.#deadLetters.push(...this.harness.deadLetters.map(({ payload }) => payload));
    this.broker.cut();
    this.#pump = this.#connection = this.#connecting = this.#writing = undefined;
    const tail = await this.#backlog.tail('gw-1');
    this.harness = new LineHarness({ checkpoint: this.durable, backlog: this.#backlog, ...(tail ? { tail } : {}) });
    this.#offered = this.#batches.findIndex(({ last }) => last > this.durable.s);
    if (this.#offered < 0) this.#offered = this.#batches.length;
    this.harness.line.wake();
  }

  handle(): void {
    const isOpen = this.broker.connection !== undefined;
    this.broker.handle();
    if (isOpen && !this.broker.connection) this.#notice();
  }

  arrive(): void {
    this.#connection?.arrive();
  }

  /** The waiting room's limits take its oldest batches. */
  evict(): void {
    this.#backlog.evict('gw-1', 2);
  }

  /** No message was taken for another one with its packet id, and none will be. */
  checkIds(): void {
    expect(this.broker.swallowed).toEqual([]);
    expect([...(this.broker.held ?? [])]).toEqual([]);
  }

  async finish(): Promise<void> {
    for (let round = 0; round < 40 * this.#batches.length + 200 + 300 * this.broker.poison.size; round += 1) {
      this.offer();
      await this.connect();
      this.connack();
      for (let packet = 0; packet < 20; packet += 1) {
        this.handle();
        this.arrive();
      }
      this.beginRecord();
      this.write();
      this.confirm();
      await this.harness.settle();
      if (this.harness.line.lane.settled === this.all.at(-1)) break;
    }
    this.beginRecord();
    this.write();
    this.confirm();
  }

  #notice(): void {
    if (this.#pump) this.#connection = this.#connecting = undefined;
    this.#pump?.close('closed');
    this.#pump = undefined;
  }
}

interface Step {
  readonly act: (world: World) => void | Promise<void>;
  toString(): string;
}

const step = (name: string, act: Step['act']): Step => ({ act, toString: () => name });

const often: Step[] = [
  step('offer', (world) => world.offer()),
  step('connect', (world) => world.connect()),
  step('connack', (world) => world.connack()),
  step('handle', (world) => world.handle()),
  step('handle', (world) => world.handle()),
  step('arrive', (world) => world.arrive()),
  step('arrive', (world) => world.arrive()),
  step('beginRecord', (world) => world.beginRecord()),
  step('write', (world) => world.write()),
  step('confirm', (world) => world.confirm()),
];
const faults: Step[] = [
  step('crash', (world) => world.crash()),
  step('cut', (world) => world.cut()),
  step('away', (world) => world.away()),
];
const crashes = faults.filter((fault) => fault.toString() !== 'cut');
/** Places of messages of which no three follow one another: those would be the broker's fault. */
const poisonous = fc
  .uniqueArray(fc.nat(25), { minLength: 1, maxLength: 4 })
  .filter((some) => !some.some((one) => some.includes(one + 1) && some.includes(one + 2)));
/** The connection ends while the broker has messages that are not released yet: recorded as received, or not. */
async function cutAfterReceiving(world: World, isRecorded: boolean): Promise<void> {
  await connectAndRecord(world);
  world.connack();
  await connectAndRecord(world);
  world.offer();
  for (let packet = 0; packet < WINDOW; packet += 1) world.handle();
  for (let packet = 0; packet < WINDOW; packet += 1) world.arrive();
  if (isRecorded) await connectAndRecord(world);
  world.cut();
}

/** With a record that was begun now, whatever was under way. */
async function connectAndRecord(world: World): Promise<void> {
  await world.connect();
  for (let record = 0; record < 2; record += 1) {
    world.beginRecord();
    world.write();
    world.confirm();
  }
  await world.harness.settle();
  await world.connect();
}

/** Of the next session the CONNACK is missed. */
const unheard: Step = step('unheard', async (world) => {
  await cutAfterReceiving(world, true);
  world.forget();
  await connectAndRecord(world);
  world.cut();
});
const changes = [true, false].map((isRecorded) =>
  step(`change the Maximum QoS, ${isRecorded ? 'recorded' : 'unrecorded'}`, async (world) => {
    await cutAfterReceiving(world, isRecorded);
    world.broker.maximumQos = world.broker.maximumQos === 2 ? 1 : 2;
  }),
);
/** The next session, in which it may end QoS 2, is cut after so many packets. */
const interruptions = [1, EXTRA_IDS + 1, EXTRA_IDS + 3].map((packets) =>
  step(`cut after ${packets} packets`, async (world) => {
    await cutAfterReceiving(world, false);
    world.broker.maximumQos = 1;
    await connectAndRecord(world);
    world.connack();
    await connectAndRecord(world);
    for (let packet = 0; packet < packets; packet += 1) world.handle();
    for (let packet = 1; packet < packets; packet += 1) world.arrive();
    world.cut();
  }),
);
const evict: Step = step('evict', (world) => world.evict());
const forget: Step = step('forget', (world) => world.forget());

const steps = (rare: Step[]) =>
  fc.array(
    fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...often) }, { weight: 1, arbitrary: fc.constantFrom(...rare) }),
    { minLength: 20, maxLength: 250 },
  );
const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 10 });

async function run(world: World, sequence: readonly Step[]): Promise<void> {
  for (const { act } of sequence) {
    await act(world);
    await world.harness.settle();
  }
  await world.finish();
}

describe('any interleaving of packets, records, crashes, cuts and moves to the waiting room', () => {
  test('MQTT 3.1.1: every message exactly once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, steps(faults), async (batches, sequence) => {
        const world = new World('3.1.1', batches);
        await run(world, sequence);
        world.checkIds();
        expect(world.broker.delivered).toEqual(world.all);
        expect(world.durable.d ?? 0).toBe(0);
        expect(world.durable).toMatchObject({ s: world.all.at(-1) });
      }),
      { numRuns: 400 },
    );
  });

  test('MQTT 5, also with lost sessions: nothing missing, in order, and what may be there twice is counted', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, steps([...faults, forget]), async (batches, sequence) => {
        const world = new World('5', batches);
        await run(world, sequence);
        const { delivered } = world.broker;
        world.checkIds();
        expect([...new Set(delivered)]).toEqual(world.all);
        expect(delivered.length - world.all.length).toBeLessThanOrEqual(world.durable.d ?? 0);
      }),
      { numRuns: 400 },
    );
  });

  test('MQTT 3.1.1, also with lost sessions: in order, and what may be there twice, or lost, is counted', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, steps([...faults, forget, unheard]), async (batches, sequence) => {
        const world = new World('3.1.1', batches);
        await run(world, sequence);
        const delivered = [...new Set(world.broker.delivered)];
        world.checkIds();
        expect(delivered).toEqual(delivered.toSorted((a, b) => a - b));
        expect(world.all.length - delivered.length).toBeLessThanOrEqual(world.durable.e ?? 0);
        expect(world.broker.delivered.length - delivered.length).toBeLessThanOrEqual(world.durable.d ?? 0);
        expect(world.durable).toMatchObject({ s: world.all.at(-1) });
      }),
      { numRuns: 400 },
    );
  });

  test('MQTT 5, at a broker that takes QoS 2 at some times only: nothing missing, in order, no packet id left behind', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, steps([...faults, forget, ...changes]), async (batches, sequence) => {
        const world = new World('5', batches);
        await run(world, sequence);
        world.checkIds();
        expect([...new Set(world.broker.delivered)]).toEqual(world.all);
        expect(world.durable).toMatchObject({ s: world.all.at(-1) });
      }),
      { numRuns: 400 },
    );
  });

  test('MQTT 5, the same without crashes: what may be there twice is counted, but for QoS 1', async () => {
    const cuts = faults.filter((fault) => fault.toString() !== 'crash');
    await fc.assert(
      fc.asyncProperty(sizes, steps([...cuts, forget, ...changes, ...interruptions]), async (batches, sequence) => {
        const world = new World('5', batches);
        await run(world, sequence);
        const { delivered, repeatedAfterQos1 } = world.broker;
        expect([...new Set(delivered)]).toEqual(world.all);
        const repeated = delivered.length - world.all.length - repeatedAfterQos1;
        expect(repeated).toBeLessThanOrEqual(world.durable.d ?? 0);
      }),
      { numRuns: 400 },
    );
  });

  test('MQTT 3.1.1, with messages lost to limits: their packet ids are released, and none is lost uncounted', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, steps([...faults, evict]), async (batches, sequence) => {
        const world = new World('3.1.1', batches);
        await run(world, sequence);
        const { delivered } = world.broker;
        world.checkIds();
        expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b));
        expect(world.all.length - delivered.length).toBeLessThanOrEqual(world.durable.l ?? 0);
        expect(world.durable).toMatchObject({ s: world.all.at(-1) });
      }),
      { numRuns: 400 },
    );
  });

  test.each(['3.1.1', '5'] as const)(
    'MQTT %s, with messages at which the broker closes the connection: they are set aside, all others come exactly once',
    async (version) => {
      await fc.assert(
        fc.asyncProperty(sizes, poisonous, steps(crashes), async (batches, indexes, sequence) => {
          const world = new World(version, batches);
          // Not the last one: nothing would follow that could decide.
          world.broker.poison = new Set(world.all.slice(0, -1).filter((_, index) => indexes.includes(index)));
          await run(world, sequence);
          world.checkIds();
          expect(world.deadLetters).toEqual(world.broker.poison);
          expect(world.broker.delivered).toEqual(world.all.filter((counter) => !world.broker.poison.has(counter)));
          expect(world.durable.p).toBeUndefined();
          expect([world.durable.s, world.durable.x ?? 0, world.durable.l ?? 0]).toEqual([
            world.all.at(-1),
            world.broker.poison.size,
            0,
          ]);
        }),
        { numRuns: 300 },
      );
    },
  );
});

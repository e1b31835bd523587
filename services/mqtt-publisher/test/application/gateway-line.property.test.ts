import { GatecastError } from '@gatecast/shared/errors';
import type { GatewayCheckpoint } from '@gatecast/shared/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { upTo } from '../support/batches.ts';
import { FakeBacklogStore } from '../support/fake-backlog-store.ts';
import { LineHarness } from '../support/line-harness.ts';

/** So that a lane is full after a few steps. */
const SMALL = { laneMaxMessages: 4 };

/** A gateway through everything that can happen to it: what NATS and the broker hold outlives each process. */
class World {
  readonly #backlog = new FakeBacklogStore();
  /** The moving line. */
  readonly #outbox: { first: number; last: number; sequence: number }[] = [];
  /** The durable record. */
  #record: { seq: number; checkpoint: GatewayCheckpoint } = { seq: 0, checkpoint: { i: 'first', s: 0 } };
  /** What the broker got, over all processes. */
  readonly #delivered: number[] = [];
  #last = 0;
  #hasSession = false;
  #process = new LineHarness({ backlog: this.#backlog, limits: SMALL });
  evicted = false;
  crashed = false;

  offer(count: number): void {
    const [first, last, sequence] = [this.#last + 1, this.#last + count, this.#outbox.length + 1];
    this.#outbox.push({ first, last, sequence });
    this.#process.offer(first, last, { sequence });
    this.#last = last;
  }

  broker(state: 'away' | 'back'): void {
    this.#process.loseSession();
    this.#hasSession = state === 'back';
    this.#process.line.brokerIs(state);
  }

  /** Another session at once, without being away. */
  reconnect(): void {
    this.#process.loseSession();
  }

  send(count: number): void {
    if (this.#hasSession) this.#process.send(count);
  }

  acknowledge(count: number): void {
    this.#process.acknowledge(count);
    this.#collect();
  }

  record(): void {
    const { line, outstanding } = this.#process;
    const seq = outstanding.position((batch) => line.isSettled(batch));
    this.#record = { seq, checkpoint: this.#process.record() };
  }

  evict(count: number): void {
    this.#backlog.evict('gw-1', count);
    this.evicted = true;
  }

  nats(state: 'away' | 'back'): void {
    this.#backlog.failure = state === 'away' ? new GatecastError('NATS_UNAVAILABLE', 'away') : undefined;
  }

  loseNextAnswer(): void {
    this.#backlog.loseNextAnswer = true;
  }

  pauseReadAfter(batches: number): void {
    if (!this.#backlog.isPaused) this.#backlog.pauseAfter = batches;
  }

  proceed(): void {
    this.#backlog.proceed();
  }

  lease(valid: boolean): void {
    this.#process.lease.valid = valid;
    if (valid) this.#process.line.wake();
  }

  async pass(ms: number): Promise<void> {
    await this.#process.clock.advance(ms);
  }

  /** The process is killed; the next one starts from the record. */
  async crash(): Promise<void> {
    this.#process.line.stop();
    this.#backlog.proceed();
    await this.#process.settle();
    this.nats('back');
    const tail = await this.#backlog.tail('gw-1');
    const { checkpoint, seq } = this.#record;
    this.#process = new LineHarness({ backlog: this.#backlog, checkpoint, limits: SMALL, ...(tail && { tail }) });
    this.#hasSession = false;
    this.crashed = true;
    this.#process.line.wake();
    for (const { first, last, sequence } of this.#outbox) {
      if (sequence > seq) this.#process.offer(first, last, { sequence });
    }
  }

  /** Everything behaves from here on. */
  async finish(): Promise<void> {
    this.#backlog.loseNextAnswer = false;
    this.nats('back');
    this.proceed();
    this.lease(true);
    this.broker('back');
    await this.pass(1_000);
    await this.#process.deliverAll();
    this.#collect();
    const firstSeen = [...new Set(this.#delivered)];
    expect(firstSeen, 'the order in which messages came first').toEqual([...firstSeen].sort((a, b) => a - b));
    const never = upTo(this.#last).filter((counter) => !firstSeen.includes(counter));
    const { s: settled, l: lost = 0 } = this.#process.line.checkpoint();
    expect(settled).toBe(this.#last);
    if (!this.evicted) expect(never).toEqual([]);
    if (this.crashed) expect(lost).toBeGreaterThanOrEqual(never.length);
    else expect(lost).toBe(never.length);
    if (!this.evicted) expect(lost).toBe(0);
    expect(this.#process.line.mode).toBe('live');
    expect(this.#process.outstanding.size).toBe(0);
  }

  #collect(): void {
    this.#delivered.push(...this.#process.delivered.splice(0));
  }
}

type Step = (world: World) => void | Promise<void>;

const named = (name: string, step: Step): Step => Object.assign(step, { toString: () => name });
const of = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const some = (max: number) => fc.integer({ min: 1, max });

const ordinary = [
  of(
    8,
    some(3).map((n) => named(`offer ${n}`, (world) => world.offer(n))),
  ),
  of(
    2,
    fc
      .constantFrom('away', 'back', 'back')
      .map((state) => named(`broker ${state}`, (world) => world.broker(state as 'away'))),
  ),
  of(1, fc.constant(named('reconnect', (world) => world.reconnect()))),
  of(
    5,
    some(12).map((n) => named(`send ${n}`, (world) => world.send(n))),
  ),
  of(
    5,
    some(12).map((n) => named(`acknowledge ${n}`, (world) => world.acknowledge(n))),
  ),
  of(3, fc.constant(named('record', (world) => world.record()))),
  of(
    4,
    fc.constantFrom(0, 0, 250).map((ms) => named(`pass ${ms}`, (world) => world.pass(ms))),
  ),
  of(
    1,
    fc.constantFrom('away', 'back').map((state) => named(`nats ${state}`, (world) => world.nats(state as 'away'))),
  ),
  of(1, fc.constant(named('lose the next answer', (world) => world.loseNextAnswer()))),
  of(
    1,
    fc.nat({ max: 4 }).map((n) => named(`pause the read after ${n}`, (world) => world.pauseReadAfter(n))),
  ),
  of(2, fc.constant(named('proceed', (world) => world.proceed()))),
  of(
    1,
    fc.boolean().map((valid) => named(`lease ${valid}`, (world) => world.lease(valid))),
  ),
];
const evictions = of(
  1,
  some(4).map((n) => named(`evict ${n}`, (world) => world.evict(n))),
);
const crashes = of(1, fc.constant(named('crash', (world) => world.crash())));

async function check(steps: fc.Arbitrary<Step>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 60 }), async (story) => {
      const world = new World();
      for (const step of story) await step(world);
      await world.finish();
    }),
    { numRuns: 300 },
  );
}

describe('any story', () => {
  test('of outages: everything is delivered, in order', () => check(fc.oneof(...ordinary)), 60_000);

  test('with crashes: everything is delivered, in order', () => check(fc.oneof(...ordinary, crashes)), 60_000);

  test(
    'with evictions: what is not delivered is counted, exactly',
    () => check(fc.oneof(...ordinary, evictions)),
    60_000,
  );

  test(
    'with evictions and crashes: what is not delivered is counted',
    () => check(fc.oneof(...ordinary, evictions, crashes)),
    60_000,
  );
});

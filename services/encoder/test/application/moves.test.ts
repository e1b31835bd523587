import { waitFor } from '@gatecast/shared/testing';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Partition } from '../../src/application/partition.ts';
import { EncoderWorld, FakeLease, LIMITS } from './encoder-world.ts';

/** Encoders of one partition, one after the other. */
class Encoders {
  readonly world = new EncoderWorld();
  #epoch = 10;
  #partition: Partition | undefined;

  async next(): Promise<void> {
    await this.#partition?.stop();
    this.#epoch += 1;
    this.#partition = new Partition(0, new FakeLease(this.#epoch), this.world.ports, LIMITS);
    this.#partition.start();
  }

  async stop(): Promise<void> {
    await this.#partition?.stop();
  }
}

async function start(): Promise<{ encoders: Encoders; world: EncoderWorld }> {
  const encoders = new Encoders();
  await encoders.next();
  onTestFinished(() => encoders.stop());
  return { encoders, world: encoders.world };
}

/** What is in a gateway's subject, in short: counters, and where the line ends. */
const line = (world: EncoderWorld, fleet: string) =>
  world.outbox.of('gw', fleet).map(({ emission }) => {
    const { first, messages, moves, movedTo } = emission;
    return movedTo === undefined ? `${moves}: ${first}+${messages.length}` : `${moves}: before ${first} to ${movedTo}`;
  });

describe('a gateway that is moved to another fleet', () => {
  it('ends its old line, and goes on with its counter in the new one', async () => {
    const { world } = await start();
    const life = await world.register('gw', {}, 'a');
    world.send('gw', life, 1);
    await waitFor(() => world.values('gw', 'a').length === 1);
    await world.move('gw', 'b');
    world.send('gw', life, 2);
    await waitFor(() => world.values('gw', 'b').length === 1);
    expect(line(world, 'a')).toEqual(['0: 1+1', '0: before 2 to b']);
    expect(line(world, 'b')).toEqual(['1: 2+1']);
    expect(world.count('lineMoved')).toBe(1);
    await world.clock.advance(250);
    expect((await world.record())?.gateways.gw).toMatchObject({ c: 2, g: 1 });
  });

  it('ends a line that never had a message, also while it is disabled', async () => {
    const { world } = await start();
    await world.register('gw', { enabled: false }, 'a');
    await world.move('gw', 'b');
    await waitFor(() => world.count('batch') === 1);
    expect(line(world, 'a')).toEqual(['0: before 1 to b']);
    expect(line(world, 'b')).toEqual([]);
  });

  it('comes back, and moves on', async () => {
    const { world } = await start();
    const life = await world.register('gw', {}, 'a');
    for (const [index, fleet] of ['b', 'a', 'c'].entries()) {
      world.send('gw', life, index);
      await waitFor(() => world.count('batch') === 2 * index + 1);
      await world.move('gw', fleet);
      await waitFor(() => world.count('lineMoved') === index + 1);
    }
    expect(line(world, 'a')).toEqual(['0: 1+1', '0: before 2 to b', '2: 3+1', '2: before 4 to c']);
    expect(line(world, 'b')).toEqual(['1: 2+1', '1: before 3 to a']);
  });

  it('does not go back to the old line by a view that is behind', async () => {
    const { encoders, world } = await start();
    const life = await world.register('gw', {}, 'a');
    world.send('gw', life, 1);
    await waitFor(() => world.values('gw', 'a').length === 1);
    world.integrations.view.hold();
    await world.move('gw', 'b');
    world.send('gw', life, 2);
    await waitFor(() => world.values('gw', 'b').length === 1);
    // The next encoder knows of the end only by the line itself.
    await encoders.next();
    world.send('gw', life, 3);
    await waitFor(() => world.values('gw', 'b').length === 2);
    expect(line(world, 'a')).toEqual(['0: 1+1', '0: before 2 to b']);
    expect(line(world, 'b')).toEqual(['1: 2+1', '1: 3+1']);
  });

  it('goes on in the new line in the middle of a batch, when another encoder has ended the old one', async () => {
    const { world } = await start();
    const life = await world.register('gw', {}, 'a');
    world.integrations.view.hold();
    world.outbox.beforeNextPublish = () => {
      void world.move('gw', 'b', { announce: false });
      const source = { sequence: 0, part: 0, parts: 1 };
      const end = { incarnation: life, source, first: 1, moves: 0, movedTo: 'b', messages: [] };
      world.outbox.store('gw', { ...end, expectLast: 0, unitsDone: 0 }, 0, 'a');
    };
    world.send('gw', life, 1);
    await waitFor(() => world.values('gw', 'b').length === 1);
    expect(line(world, 'a')).toEqual(['0: before 1 to b']);
  });

  it('begins anew when it is registered again', async () => {
    const { world } = await start();
    const former = await world.register('gw', {}, 'a');
    world.send('gw', former, 1);
    await waitFor(() => world.values('gw', 'a').length === 1);
    await world.move('gw', 'b');
    await waitFor(() => world.count('lineMoved') === 1);
    const life = await world.register('gw', {}, 'a');
    world.send('gw', life, 2);
    await waitFor(() => world.values('gw', 'a').length === 2);
    expect(line(world, 'a')).toEqual(['0: 1+1', '0: before 2 to b', '0: 1+1']);
  });

  it('has every reading once and in order, over crashes, unknown outcomes and purges', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const encoders = new Encoders();
        const { world } = encoders;
        await encoders.next();
        const life = await world.register('gw', {}, 'a');
        let sent = 0;
        for (const one of steps) {
          if (one === 'send') {
            sent += 1;
            world.send('gw', life, sent);
          } else if (one === 'move') await moveOn(world);
          else if (one === 'crash') await encoders.next();
          else if (one === 'purge') await purge(world);
          else if (one === 'settle') await world.clock.advance(300);
          else world.outbox.mishaps.push(one);
        }
        world.outbox.mishaps.length = 0;
        await world.clock.advance(10_000);
        await encoders.stop();
        expect(delivered(world)).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
      }),
      { numRuns: 100 },
    );
  });
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('send' as const) },
  { weight: 3, arbitrary: fc.constantFrom('move' as const, 'crash' as const, 'purge' as const, 'settle' as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      code: fc.constantFrom('OUTCOME_UNKNOWN' as const, 'NATS_UNAVAILABLE' as const),
      isStored: fc.boolean(),
    }),
  },
);

/** Moves the gateway when config-api would: its last move is recorded by the encoder. */
async function moveOn(world: EncoderWorld): Promise<void> {
  const moves = (await world.integrations.get('gw'))?.value.moves ?? 0;
  const recorded = (await world.record())?.gateways.gw?.g ?? 0;
  if (recorded === moves) await world.move('gw', moves % 2 === 0 ? 'b' : 'a');
}

/** The publishers have settled everything, and purge what the encoder has recorded. */
async function purge(world: EncoderWorld): Promise<void> {
  const entry = (await world.record())?.gateways.gw;
  for (const fleet of ['a', 'b']) {
    const isRecorded = world.outbox.of('gw', fleet).every(({ emission }) => {
      const { first, messages, moves, movedTo } = emission;
      const needs = movedTo === undefined ? moves : moves + 1;
      return entry !== undefined && (entry.g ?? 0) >= needs && entry.c >= first + messages.length - 1;
    });
    if (isRecorded) world.outbox.purge('gw', fleet);
  }
}

/** The values that the gateway's owners take: line after line, each up to its end, and each counter once. */
function delivered(world: EncoderWorld): number[] {
  const values: number[] = [];
  let next = 1;
  const lines = Map.groupBy(world.outbox.history, ({ emission }) => emission.moves);
  for (const moves of [...lines.keys()].toSorted((a, b) => a - b)) {
    for (const { emission } of lines.get(moves) ?? []) {
      if (emission.movedTo !== undefined) break;
      for (const [index, { payload }] of emission.messages.entries()) {
        const counter = emission.first + index;
        expect(counter).toBeLessThanOrEqual(next);
        if (counter < next) continue;
        next += 1;
        const text = Buffer.from(payload).toString();
        const value = text.startsWith('{') ? (JSON.parse(text) as { n?: string }).n : undefined;
        if (value !== undefined) values.push(Number(value));
      }
    }
  }
  return values;
}

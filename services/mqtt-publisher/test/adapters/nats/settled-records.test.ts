import type { EncoderCheckpoint, GatewayCheckpoint, GatewayRecord, PublisherCheckpoint } from '@gatecast/shared/model';
import { ALL_FLEETS, keys } from '@gatecast/shared/nats';
import { InMemoryKv } from '@gatecast/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { SettledRecords } from '../../../src/adapters/nats/settled-records.ts';

/** One partition, one gateway, seen from fleet east. */
class World {
  readonly checkpoints = new InMemoryKv<PublisherCheckpoint>();
  readonly encoderCheckpoints = new InMemoryKv<EncoderCheckpoint>();
  /** What the leader has, and what the copy in memory shows. */
  gateway: GatewayRecord | undefined;
  known: GatewayRecord | undefined;

  register(fields: Partial<GatewayRecord>): void {
    const base = { gatewayId: 'gw-1', workspace: 'ws', fleet: 'east', incarnation: 'first', createdAt: '', mqtt: {} };
    this.gateway = { ...base, ingestTokenHash: '', ...fields };
    this.known = this.gateway;
  }

  async publisherSays(fleet: string, entry: GatewayCheckpoint | undefined): Promise<void> {
    const key = keys.checkpoint('publisher', fleet, 0);
    const revision = (await this.checkpoints.get(key))?.revision;
    const value = { epoch: 1, seq: 10, gateways: entry ? { 'gw-1': entry } : {} };
    if (revision === undefined) await this.checkpoints.create(key, value);
    else await this.checkpoints.update(key, value, revision);
  }

  async encoderSays(c: number, g?: number): Promise<void> {
    const position = { i: 'first', c, s: 1, p: 1, ...(g === undefined ? {} : { g }) };
    const value = { epoch: 1, seq: 1, gateways: { 'gw-1': position } };
    await this.encoderCheckpoints.delete(keys.checkpoint('encoder', ALL_FLEETS, 0));
    await this.encoderCheckpoints.create(keys.checkpoint('encoder', ALL_FLEETS, 0), value);
  }

  read(): Promise<SettledRecords> {
    const entry = (value: GatewayRecord | undefined) => value && { value, revision: 1 };
    return SettledRecords.read({
      ...{ fleet: 'east', partitions: 1, checkpoints: this.checkpoints, encoderCheckpoints: this.encoderCheckpoints },
      directory: { known: () => entry(this.known), fetch: async () => entry(this.gateway) },
    });
  }

  /** Whether a batch that ends with message `last` of the line with so many moves may go. */
  async isSettled(last: number, moves = 0): Promise<boolean> {
    return await (await this.read()).isSettled('gw-1', { incarnation: 'first', moves }, last);
  }
}

let world: World;

beforeEach(() => {
  world = new World();
});

describe('what waits for a gateway is settled', () => {
  it('up to its settled counter', async () => {
    world.register({});
    await world.publisherSays('east', { i: 'first', s: 5, h: 9 });
    expect([await world.isSettled(5), await world.isSettled(6)]).toEqual([true, false]);
  });

  it('when its registration is gone, which the leader says and not the copy in memory', async () => {
    world.register({ incarnation: 'second' });
    expect(await world.isSettled(5)).toBe(true);
    world.register({});
    world.known = undefined;
    expect(await world.isSettled(5)).toBe(false);
  });

  it('not while it is copied for a gateway that is coming, of which the record says nothing yet', async () => {
    world.register({ fleet: 'east', movedFrom: 'west', moves: 1 });
    expect(await world.isSettled(5, 1)).toBe(false);
    await world.publisherSays('west', { i: 'first', s: 3, h: 5, m: 'east' });
    expect(await world.isSettled(5, 1)).toBe(false);
    await world.publisherSays('east', { i: 'first', s: 3, h: 5, g: 1 });
    expect([await world.isSettled(3, 1), await world.isSettled(5, 1)]).toEqual([true, false]);
  });

  it('not while it is copied for a gateway that comes back, whose entry is still that of its former stay', async () => {
    world.register({ fleet: 'east', movedFrom: 'west', moves: 2 });
    await world.publisherSays('east', { i: 'first', s: 30, m: 'west' });
    expect(await world.isSettled(20, 2)).toBe(false);
  });

  it('of one that was given away, once the next fleet has recorded that it is there', async () => {
    world.register({ fleet: 'west', movedFrom: 'east', moves: 1 });
    await world.publisherSays('east', { i: 'first', s: 3, h: 5 });
    expect(await world.isSettled(5)).toBe(false);
    await world.publisherSays('east', { i: 'first', s: 3, h: 5, m: 'west' });
    expect([await world.isSettled(3), await world.isSettled(5)]).toEqual([true, false]);
    await world.publisherSays('west', { i: 'first', s: 3, h: 5, g: 1 });
    expect(await world.isSettled(5)).toBe(true);
  });

  it('of a stay before the last move: that was complete before the next one began', async () => {
    world.register({ fleet: 'north', movedFrom: 'west', moves: 2 });
    expect(await world.isSettled(5)).toBe(true);
    // Back again: the stay of now is not that of then.
    world.register({ fleet: 'east', movedFrom: 'west', moves: 2 });
    expect([await world.isSettled(5), await world.isSettled(5, 2)]).toEqual([true, false]);
  });

  it('not by a copy in memory that has not heard of the move yet', async () => {
    world.register({ fleet: 'east', movedFrom: 'west', moves: 1 });
    world.known = { ...world.known!, fleet: 'west', moves: 0 };
    expect(await world.isSettled(5, 1)).toBe(false);
  });
});

describe('what the encoder has recorded of a partition', () => {
  const isRecorded = async () => (await world.read()).isRecordedByEncoder(0);

  it('is everything that is settled or waits', async () => {
    world.register({});
    await world.publisherSays('east', { i: 'first', s: 5, h: 9 });
    await world.encoderSays(8);
    expect(await isRecorded()).toBe(false);
    await world.encoderSays(9);
    expect(await isRecorded()).toBe(true);
  });

  it('does not count before it says that the line of a gateway that was given away has ended', async () => {
    world.register({ fleet: 'west', movedFrom: 'east', moves: 1 });
    await world.publisherSays('east', { i: 'first', s: 9, m: 'west' });
    await world.encoderSays(9);
    expect(await isRecorded()).toBe(false);
    await world.encoderSays(9, 1);
    expect(await isRecorded()).toBe(true);
  });

  it('is of the line that the gateway has here', async () => {
    world.register({ fleet: 'east', movedFrom: 'west', moves: 3 });
    await world.publisherSays('east', { i: 'first', s: 9, g: 3 });
    await world.encoderSays(9, 2);
    expect(await isRecorded()).toBe(false);
    await world.encoderSays(9, 3);
    expect(await isRecorded()).toBe(true);
  });
});

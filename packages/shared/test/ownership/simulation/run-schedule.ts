import { PARTITIONS, TIMING, type Variant } from './parameters.ts';
import { World } from './world.ts';

const TTL = TIMING.ttlMs;
const FAULTY_MS = 4 * TTL;
/** What an unlucky schedule needs to come to rest: expiry, a listing, membership that is stable, and the handovers. */
const REST_MS = 6 * TTL;

/** Runs one random schedule of faults; returns what was violated. The same seed does the same again. */
export function runSchedule(seed: number, variant: Variant): string[] {
  const world = new World(seed, variant);
  const { random, scheduler } = world;
  const names = ['a', 'b', 'c'].slice(0, 2 + Math.floor(random() * 2));
  for (const name of names) scheduler.after(random() * TTL * (random() < 0.7 ? 0.1 : 1), () => world.start(name));
  const faults = 2 + Math.floor(random() * 5);
  for (let count = 0; count < faults; count += 1) {
    scheduler.after(TTL / 2 + random() * (FAULTY_MS - TTL), () => strike(world, names));
  }
  scheduler.runUntil(FAULTY_MS + TTL);
  world.lossRate = 0;
  world.slowness = 4;
  for (const name of names) if (!world.live.some(({ instance }) => instance === name)) world.start(name);
  for (let waited = 0; waited < REST_MS && world.unsettled(); waited += TTL / 4) {
    scheduler.runUntil(scheduler.now + TTL / 4);
  }
  const amiss = world.unsettled();
  if (amiss) world.violated(`${amiss}, although nothing has happened for ${REST_MS} ms`);
  const connects = world.brokers.map((broker) => broker.connects);
  scheduler.runUntil(scheduler.now + TTL);
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const broker = world.brokers[partition]!;
    if (!amiss && broker.connects !== connects[partition])
      world.violated(`partition ${partition}: sessions come and go at rest`);
    // One session for each owner; one more when a CONNECT of the owner before was still in the socket.
    const allowed = 2 * world.acquisitions[partition]! + broker.resets;
    if (broker.connects > allowed)
      world.violated(`partition ${partition}: ${broker.connects} sessions, not ${allowed}`);
  }
  return world.violations;
}

function strike(world: World, names: readonly string[]): void {
  const { random, scheduler } = world;
  const victim = world.live[Math.floor(random() * world.live.length)];
  const lasting = TTL * (0.1 + 2 * random() * random());
  const restart = () => {
    // Perhaps while the former life of this name is still registered.
    const name = names.find((one) => !world.live.some(({ instance }) => instance === one));
    if (name) world.start(name);
  };
  switch (Math.floor(random() * 10)) {
    case 0:
    case 1:
      victim?.pause(lasting);
      break;
    case 2:
    case 3:
      victim?.cut(lasting);
      break;
    case 4:
      victim?.kill();
      scheduler.after(random() * 2 * TTL, restart);
      break;
    case 5:
      victim?.leave();
      scheduler.after(random() * TTL, restart);
      break;
    case 6:
      world.brokers[Math.floor(random() * PARTITIONS)]?.reset();
      break;
    case 7:
      victim?.giveUp(Math.floor(random() * PARTITIONS));
      break;
    case 8:
      world.slowness = TTL * 0.45;
      world.lossRate = 0.1 * random();
      scheduler.after(lasting, () => {
        world.slowness = 4;
        world.lossRate = 0;
      });
      break;
    default:
      for (const process of world.live) process.cut(lasting + 20 * random());
  }
}

import { GatecastError } from '@gatecast/shared/errors';
import { createLogger } from '@gatecast/shared/logging';
import type { GatewayRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import { type LeaseRecord, leaseKeyOf, VacantLeases } from '@gatecast/shared/ownership';
import { InMemoryKv, ManualClock } from '@gatecast/shared/testing';
import { Partition } from '../../src/application/partition.ts';
import type { PartitionDependencies } from '../../src/application/partition-dependencies.ts';
import type { ConnectResult, MqttConnector, SessionGrant } from '../../src/application/ports.ts';
import type { Failure } from '../../src/domain/failure.ts';
import { FakeBacklogStore } from './fake-backlog-store.ts';
import { FakeCheckpointStore } from './fake-checkpoint-store.ts';
import { FakeLease } from './fake-lease.ts';
import { FakeOutbox } from './fake-outbox.ts';
import { CountingObserver, LIMITS } from './line-harness.ts';

export const LEASE_TTL_MS = 3_000;
const ANSWER_MS = 5;
const GRANT: SessionGrant = {
  receiveMaximum: 65_535,
  serverKeepAliveSeconds: undefined,
  sessionPresent: false,
  maximumQos: 2,
  retainAvailable: true,
  maximumPacketSize: Number.POSITIVE_INFINITY,
};
const LOST: Failure = { phase: 'session', kind: 'closed' };

/** What a fleet has in NATS, of one partition. */
export class FakeFleet {
  readonly outbox: FakeOutbox;
  readonly backlog = new FakeBacklogStore();
  readonly checkpoints = new FakeCheckpointStore();

  constructor(clock: ManualClock) {
    this.outbox = new FakeOutbox(() => clock.now());
  }
}

/** A broker that takes one session at a time for the one client id, and answers a moment later. */
export class OneClientBroker {
  isAway = false;
  /** Payloads as they came, and on which session. */
  readonly received: { session: number; payload: number }[] = [];
  readonly #clock: ManualClock;
  #sessions = 0;
  #live: { number: number; end: (failure: Failure) => void } | undefined;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get sessions(): number {
    return this.#sessions;
  }

  /** Whether anybody is connected. */
  get isInUse(): boolean {
    return this.#live !== undefined;
  }

  /** Counters in order, each where it came first. */
  get counters(): number[] {
    return [...new Set(this.received.map(({ payload }) => payload))];
  }

  /** `isAlive`: whether the process that connects still runs. */
  connectorOf(isAlive: () => boolean): MqttConnector {
    return {
      connect: async (_settings, _options, _signal, onEnd): Promise<ConnectResult> => {
        if (this.isAway || !isAlive()) return { ok: false, failure: { phase: 'tcp', code: 'ECONNREFUSED' } as Failure };
        this.#live?.end(LOST);
        this.#sessions += 1;
        const number = this.#sessions;
        this.#live = { number, end: onEnd };
        const isLive = () => this.#live?.number === number && !this.isAway;
        const leave = () => {
          if (this.#live?.number === number) this.#live = undefined;
        };
        return {
          ok: true,
          session: {
            grant: GRANT,
            publish: ({ topic, payload }, _options, done) => {
              if (!isLive() || !isAlive()) return;
              if (!topic.endsWith('/status')) {
                this.received.push({ session: number, payload: Number(Buffer.from(payload).toString()) });
              }
              this.#clock.setTimeout(() => isLive() && isAlive() && done({ kind: 'acknowledged' }), ANSWER_MS);
            },
            release: () => undefined,
            ping: (answered) => answered(),
            disconnect: async () => leave(),
            abort: leave,
          },
        };
      },
    };
  }

  /** Ends the session, and takes no other until it is back. */
  goAway(): void {
    this.isAway = true;
    this.#live?.end(LOST);
    this.#live = undefined;
  }
}

/** A publisher process of one fleet, with the one partition that it serves. */
export class FakePublisher {
  readonly lease: FakeLease;
  readonly partition: Partition;
  isSuperseded = false;
  /** Requests to NATS so far that can go wrong. */
  requests = 0;
  #isAlive = true;

  /** @param dieAt the process dies at this request: at odd ones before it is sent, else before it is answered */
  constructor(world: MoveWorld, fleet: string, epoch: number, dieAt = Number.POSITIVE_INFINITY) {
    this.lease = new FakeLease(epoch);
    const request = (isAnswered: boolean) => {
      if (!isAnswered) this.requests += 1;
      if (this.requests === dieAt && isAnswered === (dieAt % 2 === 0)) this.kill();
      if (!this.#isAlive) throw new GatecastError('OUTCOME_UNKNOWN', 'the process is dead', { retryable: true });
    };
    this.partition = new Partition(
      0,
      world.dependencies(fleet, () => this.#isAlive, request),
      () => {
        this.isSuperseded = true;
        this.partition.abort();
      },
    );
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Nothing that it does takes effect any more. */
  kill(): void {
    this.#isAlive = false;
    this.lease.valid = false;
    this.partition.abort();
  }
}

/** Two fleets, one gateway of theirs, its broker: everything around the publishers, with a clock by hand. */
export class MoveWorld {
  readonly clock = new ManualClock();
  readonly broker = new OneClientBroker(this.clock);
  readonly fleets = {
    east: new FakeFleet(this.clock),
    west: new FakeFleet(this.clock),
  } as Record<string, FakeFleet>;
  readonly leases = new InMemoryKv<LeaseRecord>();
  readonly observer = new CountingObserver();
  readonly #publishers: { fleet: string; publisher: FakePublisher }[] = [];
  gateway: Revisioned<GatewayRecord> = {
    revision: 1,
    value: {
      gatewayId: 'gw-1',
      workspace: 'ws',
      fleet: 'east',
      incarnation: 'first',
      createdAt: '2026-01-01T00:00:00.000Z',
      ingestTokenHash: '',
      mqtt: { host: 'broker.example', will: { enabled: false } },
    },
  };
  #epoch = 10;

  fleet(name: string): FakeFleet {
    const fleet = this.fleets[name];
    if (!fleet) throw new Error(`no fleet ${name}`);
    return fleet;
  }

  /** Starts a publisher whose lease is later than all before. */
  async start(fleet: string, dieAt?: number): Promise<FakePublisher> {
    this.#epoch = Math.max(this.#epoch, await this.#tick()) + 1;
    const publisher = new FakePublisher(this, fleet, this.#epoch, dieAt);
    this.#publishers.push({ fleet, publisher });
    void publisher.partition.start(publisher.lease);
    await this.clock.advance(0);
    return publisher;
  }

  /** The fleet has a living owner, as far as leases tell. */
  async holdLease(fleet: string): Promise<void> {
    await this.leases.create(leaseKeyOf('publisher', fleet, 0), { instance: fleet, nonce: fleet, renewedAt: '' });
  }

  loseLease(fleet: string): void {
    this.leases.expire(leaseKeyOf('publisher', fleet, 0));
  }

  /** config-api moves the gateway, and all hear of it. */
  move(fleet: string): void {
    const { value, revision } = this.gateway;
    this.gateway = {
      revision: revision + 1,
      value: { ...value, fleet, movedFrom: value.fleet, moves: (value.moves ?? 0) + 1 },
    };
    for (const { publisher } of this.#publishers) publisher.partition.gatewayChanged('gw-1', this.gateway);
  }

  dependencies(fleet: string, isAlive: () => boolean, request: (isAnswered: boolean) => void): PartitionDependencies {
    const own = this.fleet(fleet);
    const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
    const hook = <T extends object>(target: T, names: readonly string[]) => hooked(target, names, request);
    const partsOf = (name: string) => ({
      checkpoints: hook(this.fleet(name).checkpoints, ['read', 'write']),
      backlog: hook(this.fleet(name).backlog, ['tail', 'append', 'forget', 'gateways']),
      line: hook(this.fleet(name).outbox.line, ['end']),
    });
    return {
      fleet,
      outbox: own.outbox,
      ...partsOf(fleet),
      formerFleet: (name) => ({ ...partsOf(name), follow: this.fleet(name).checkpoints.follow }),
      vacantLeases: new VacantLeases({
        ...{ role: 'publisher', instance: fleet, nonce: `${fleet}-${this.#epoch}`, ttlMs: LEASE_TTL_MS },
        leases: hook(this.leases, ['get', 'create', 'delete']),
        ...{ clock: this.clock, log },
      }),
      deadLetters: { put: async () => undefined },
      directory: {
        ofPartition: () => {
          const { value } = this.gateway;
          return value.fleet === fleet || value.movedFrom === fleet ? [this.gateway] : [];
        },
        fetch: async () => this.gateway,
      },
      status: { publish: () => undefined, forget: () => undefined },
      connector: this.broker.connectorOf(isAlive),
      connectQueue: { next: async () => true },
      upstream: { of: async () => ({ acceptedAt: undefined, outboxSequence: 0 }) },
      limits: LIMITS,
      observer: this.observer,
      clock: this.clock,
      random: () => 0.5,
      log,
    };
  }

  /** A revision of the bucket of leases: epochs are of the same kind. */
  async #tick(): Promise<number> {
    const revision = await this.leases.create('tick', { instance: '', nonce: '', renewedAt: '' });
    await this.leases.delete('tick', revision);
    return revision + 1;
  }
}

/** `target`, with `request` called before each of the named methods is sent, and before it is answered. */
function hooked<T extends object>(target: T, names: readonly string[], request: (isAnswered: boolean) => void): T {
  return new Proxy(target, {
    get(of, name) {
      const method: unknown = Reflect.get(of, name, of);
      if (typeof method !== 'function') return method;
      if (!names.includes(String(name))) return method.bind(of);
      return async (...args: unknown[]) => {
        request(false);
        const result: unknown = await method.apply(of, args);
        request(true);
        return result;
      };
    },
  });
}

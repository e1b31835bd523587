import type { GatewayCheckpoint, GatewayRecord, IntegrationSettings, StatusRecord } from '@gatecast/shared/model';
import type { Revisioned } from '@gatecast/shared/nats';
import type { PartitionContext } from '../../src/application/context.ts';
import { Gateway } from '../../src/application/gateway.ts';
import type { ConnectOptions, ConnectResult, MqttConnector, UpstreamState } from '../../src/application/ports.ts';
import type { Failure } from '../../src/domain/failure.ts';
import type { SessionSettings } from '../../src/domain/session-settings.ts';
import { type BatchOptions, batchOf } from './batches.ts';
import { FakeSession } from './fake-session.ts';
import { LineHarness } from './line-harness.ts';

export interface Attempt {
  settings: SessionSettings;
  signal: AbortSignal;
  /** Ends a session unasked. */
  end: (failure: Failure) => void;
}

/** A connector whose attempts end as the test says. */
export class FakeConnector implements MqttConnector {
  readonly attempts: Attempt[] = [];
  readonly sessions: FakeSession[] = [];
  /** Whether CONNECT is written. */
  reachesBroker = true;
  /** What an attempt comes to; by default a session that grants everything. */
  outcome: (settings: SessionSettings) => ConnectResult | Promise<ConnectResult> = () => this.session();

  connect(
    settings: SessionSettings,
    { onConnect }: ConnectOptions,
    signal: AbortSignal,
    end: (failure: Failure) => void,
  ): Promise<ConnectResult> {
    this.attempts.push({ settings, signal, end });
    if (this.reachesBroker) onConnect();
    return Promise.resolve(this.outcome(settings));
  }

  session(grant: ConstructorParameters<typeof FakeSession>[0] = {}): ConnectResult {
    const session = new FakeSession(grant);
    this.sessions.push(session);
    return { ok: true, session };
  }
}

export interface SessionHarnessParts {
  mqtt?: IntegrationSettings;
  checkpoint?: GatewayCheckpoint;
  context?: Partial<PartitionContext>;
  gatewayId?: string;
  createdAt?: string;
}

/** One gateway over a fake connector: the test plays broker, line and clock. */
export class SessionHarness {
  readonly parts: LineHarness;
  readonly connector: FakeConnector;
  readonly gateway: Gateway;
  readonly statuses: StatusRecord[] = [];
  upstream: UpstreamState | Error = { acceptedAt: undefined, outboxSequence: 0 };
  readonly #record: GatewayRecord;
  #revision = 1;

  constructor({ mqtt = {}, checkpoint, context = {}, gatewayId = 'gw-1', createdAt }: SessionHarnessParts = {}) {
    this.parts = new LineHarness();
    this.connector = new FakeConnector();
    const clock = context.clock ?? this.parts.clock;
    this.#record = {
      gatewayId,
      workspace: 'acme',
      fleet: 'default',
      incarnation: 'first',
      createdAt: createdAt ?? new Date(clock.now()).toISOString(),
      ingestTokenHash: '',
      mqtt: { host: 'broker.example', ...mqtt },
    };
    const upstream = {
      of: async () => {
        if (this.upstream instanceof Error) throw this.upstream;
        return this.upstream;
      },
    };
    const all = { ...this.parts.context, connector: this.connector, upstream, ...context };
    const entry = { value: this.#record, revision: this.#revision };
    this.gateway = new Gateway(entry, checkpoint, undefined, all, (status) => this.statuses.push(status));
  }

  get status(): StatusRecord | undefined {
    return this.statuses.at(-1);
  }

  /** The present session. */
  get session(): FakeSession {
    return this.connector.sessions.at(-1)!;
  }

  /** What was said on the will's topic in all sessions, in order. */
  get said(): string[] {
    return this.connector.sessions.flatMap(({ published }) =>
      published.filter(({ topic }) => topic.endsWith('/status')).map(({ payload }) => payload),
    );
  }

  async start(): Promise<void> {
    this.gateway.start();
    await this.advance(0);
  }

  /** Time passes; the broker acknowledges all that it has. */
  async advance(ms: number): Promise<void> {
    await this.parts.clock.advance(ms);
    for (const session of this.connector.sessions) session.acknowledge();
    await this.parts.clock.advance(0);
  }

  /** What there is to record is durable. */
  async record(): Promise<void> {
    this.gateway.recorded(structuredClone(this.gateway.checkpoint()));
    await this.parts.clock.advance(0);
  }

  async configure(mqtt: IntegrationSettings): Promise<void> {
    this.gateway.update(this.revised(mqtt));
    await this.advance(0);
  }

  /** A later revision of the registration, with these settings. */
  revised(mqtt: IntegrationSettings): Revisioned<GatewayRecord> {
    this.#revision += 1;
    return { value: { ...this.#record, mqtt: { host: 'broker.example', ...mqtt } }, revision: this.#revision };
  }

  /** The moving line brings a reading, stored now. */
  async reading(counter: number, options: BatchOptions = {}): Promise<void> {
    const batch = batchOf(counter, counter, { storedAt: this.parts.clock.now(), ...options });
    this.parts.outstanding.add(batch);
    this.gateway.offer(batch);
    await this.advance(0);
  }
}

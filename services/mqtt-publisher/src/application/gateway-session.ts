import { delay, withDeadline } from '@gatecast/shared/lifecycle';
import { shortfall, withLesserWill } from '../domain/broker-limits.ts';
import { classify, type Verdict } from '../domain/classify.ts';
import type { Failure } from '../domain/failure.ts';
import { endOfSession, type SessionEnd } from '../domain/session-end.ts';
import { type DesiredSession, type SessionSettings, sameSession } from '../domain/session-settings.ts';
import type { Presence } from '../domain/silence.ts';
import type { StatusTracker } from '../domain/status-tracker.ts';
import { Attempts } from './attempts.ts';
import { closeSession, farewellOf, IN_SILENCE, willMessage } from './close-session.ts';
import { connectInTime, waitForTurn } from './connect-attempt.ts';
import type { PartitionContext } from './context.ts';
import { DeliveryPump, type PumpFailure } from './delivery-pump.ts';
import type { GatewayLine } from './gateway-line.ts';
import { Notifier } from './notifier.ts';
import type { MqttSession } from './ports.ts';

/** Until ownership has decided what a lease means that could not be confirmed. */
const NOT_OURS_MS = 250;
/** Beyond the time that closing a session may take, ms: for what else may be under way. */
const STOP_GRACE_MS = 2_000;

type End = { kind: 'failed'; verdict: Verdict; cause: SessionEnd } | { kind: 'replaced' } | { kind: 'stopped' };

/** Keeps one gateway connected to its broker: one attempt after another, one session at a time. */
export class GatewaySession {
  readonly #line: GatewayLine;
  readonly #context: PartitionContext;
  readonly #status: StatusTracker;
  /** What is true of the gateway, to be said at the broker. */
  readonly #presence: () => Presence;
  readonly #changed = new Notifier();
  readonly #aborted = new AbortController();
  /** Others wait for our end. */
  readonly #awaited = new AbortController();
  readonly #attempts: Attempts;
  #desired: DesiredSession;
  #stopping = false;
  /** What interrupts waiting and connecting when the desired state changes. */
  #interrupt = new AbortController();
  #pump: DeliveryPump | undefined;
  #end: ((end: End) => void) | undefined;
  /** The settings with as much of the will as the broker takes; undefined: all of it. */
  #withLesserWill: SessionSettings | undefined;
  /** What was said at the broker in the present session. */
  #said: Presence | undefined;
  /** The broker took messages and did not acknowledge them: it has to prove itself before status is green again. */
  #needsProof = false;
  #awayTimer: { cancel(): void } | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    line: GatewayLine,
    desired: DesiredSession,
    status: StatusTracker,
    presence: () => Presence,
    context: PartitionContext,
  ) {
    this.#presence = presence;
    this.#line = line;
    this.#desired = desired;
    this.#status = status;
    this.#context = context;
    this.#attempts = new Attempts(context.limits, context.random);
  }

  /** Whether there is a session with the broker now. */
  get isConnected(): boolean {
    return this.#pump !== undefined;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Takes new settings; a session that they do not touch stays. */
  update(desired: DesiredSession): void {
    const same = sameSession(this.#desired, desired);
    this.#desired = desired;
    if (same) {
      if (this.#pump) this.#pump.revision = desired.revision;
      return;
    }
    this.#attempts.reset();
    this.#withLesserWill = undefined;
    this.#line.poison.forget();
    this.#interrupt.abort();
    this.#changed.notify();
    this.#end?.({ kind: 'replaced' });
  }

  /** The gateway has fallen silent, or speaks again: says so at the broker, before anything that is sent later. */
  announce(): void {
    const { settings } = this.#desired;
    const pump = this.#pump;
    const presence = this.#presence();
    if (!settings?.will.enabled || !pump || presence === 'unsure' || presence === this.#said) return;
    this.#said = presence;
    const { will } = this.#withLesserWill ?? settings;
    const payload = presence === 'silent' ? will.payload : will.birthPayload;
    void pump.publishExtra(willMessage(will, payload), will.qos);
  }

  /** The lane has been fed, or the durable record moved. */
  wake(): void {
    this.#pump?.run();
  }

  /** The lease is valid again. */
  resume(): void {
    this.announce();
    this.#pump?.run();
    this.#changed.notify();
  }

  /**
   * Planned end (handover, stop): finishes what is in flight, disconnects without publishing the will.
   * @param isAwaited whether others wait for it: a session that is being closed already is then closed sooner
   */
  async stop(isAwaited = true): Promise<void> {
    const { limits, clock, log } = this.#context;
    this.#stopping = true;
    if (isAwaited) this.#awaited.abort();
    this.#interrupt.abort();
    this.#changed.notify();
    this.#end?.({ kind: 'stopped' });
    try {
      await withDeadline(this.#running, 2 * limits.drainMs + STOP_GRACE_MS, 'stopping a session', clock);
    } catch (error) {
      log.error({ err: error, gatewayId: this.#line.gatewayId }, 'a session did not stop in time');
      this.abort();
    }
  }

  /** Ends at once, without a word to the broker: another process owns the gateway. */
  abort(): void {
    this.#aborted.abort();
    this.#stopping = true;
    this.#interrupt.abort();
    this.#changed.notify();
    this.#end?.({ kind: 'stopped' });
  }

  async #run(): Promise<void> {
    this.#startAwayTimer();
    while (!this.#stopping) {
      const { settings } = this.#desired;
      if (!settings) {
        await this.#unconfigured();
        continue;
      }
      if (!this.#context.lease().isValid()) {
        await this.#changed.wait();
        continue;
      }
      await this.#attemptOnce(settings);
    }
    this.#awayTimer?.cancel();
  }

  async #unconfigured(): Promise<void> {
    const { without } = this.#desired;
    if (without === 'disabled' || without === 'no_host') this.#status.disabled(without);
    this.#attempts.reset();
    await this.#changed.wait();
  }

  async #attemptOnce(asked: SessionSettings): Promise<void> {
    const { observer, lease } = this.#context;
    const settings = this.#withLesserWill ?? asked;
    this.#interrupt = new AbortController();
    const { signal } = this.#interrupt;
    const isFirst = this.#attempts.count === 0;
    if (isFirst) this.#status.connecting(settings.host);
    const onLong = () => {
      if (isFirst) this.#status.waitingForTurn(settings.host);
    };
    if (!(await waitForTurn(settings, this.#context, signal, onLong)) || !lease().isValid()) return;
    // After an end that was not ours: a takeover is never answered by a reconnect.
    if (!isFirst && !(await lease().confirm())) {
      await delay(NOT_OURS_MS, this.#context.clock, this.#aborted.signal);
      return;
    }
    if (signal.aborted) return;
    this.#attempts.begin();
    let failure: Failure | undefined;
    const { exactlyOnce, moves } = this.#line;
    const { cleanStart } = await exactlyOnce.prepare(settings, signal);
    const owner = lease();
    const options = { cleanStart, owner, moves, onConnect: () => exactlyOnce.connecting(settings) };
    const result = await connectInTime(settings, options, this.#context, signal, (ended) => {
      failure = ended;
      this.#end?.(failedBy(ended));
    });
    observer.connectAttempt(result.ok ? 'ok' : 'failed');
    // Whatever becomes of it: the next one finds this session, which may be younger than the record.
    if (result.ok) exactlyOnce.opened(settings, result.session.grant);
    else exactlyOnce.failed(settings, result.failure);
    if (signal.aborted) {
      if (result.ok) await result.session.disconnect();
      return;
    }
    if (!result.ok) {
      // Without the lease the attempt was given up, and its outcome says nothing about the broker.
      if (!owner.isValid()) return;
      const lesser = withLesserWill(settings, result.failure);
      // At once: there is nothing to wait for.
      if (lesser) this.#withLesserWill = lesser;
      else await this.#failed(settings, classify(result.failure));
      return;
    }
    const connectedAt = this.#context.clock.monotonic();
    if (failure) {
      this.#line.poison.sessionEndedEarly(endOfSession(failure));
      result.session.abort();
    }
    const end = failure ? failedBy(failure) : await this.#serve(result.session, settings);
    if (end.kind !== 'failed') return;
    this.#attempts.sessionLasted(this.#context.clock.monotonic() - connectedAt);
    observer.sessionEnded(end.verdict.reason);
    // A verdict on a suspect takes a few sessions: meanwhile everything behind it waits.
    await this.#failed(settings, end.verdict, this.#line.poison.isTrying ? 1 : undefined);
  }

  /** Back-off, as after so many `failures`; a change of settings or a stop ends the wait. */
  async #failed(settings: SessionSettings, verdict: Verdict, failures?: number): Promise<void> {
    const { clock, log } = this.#context;
    const { count: attempt } = this.#attempts;
    const waitMs = this.#attempts.waitMs(verdict, failures);
    this.#status.failed(verdict, settings.host, attempt, new Date(clock.now() + waitMs));
    const { gatewayId } = this.#line;
    log.info({ gatewayId, code: verdict.code, reason: verdict.reason, attempt, waitMs }, 'no session');
    await delay(waitMs, clock, this.#interrupt.signal);
  }

  async #serve(session: MqttSession, settings: SessionSettings): Promise<End> {
    const ended = new Promise<End>((resolve) => {
      this.#end = resolve;
    });
    const pump = new DeliveryPump(session, settings, this.#desired.revision, this.#line, this.#context, {
      onProof: (of) => this.#proven(of, session, settings),
      onFailure: (failure) => this.#gaveUp(failure),
      onSetAside: (why) => this.#setAside(why, settings),
    });
    this.#pump = pump;
    this.#said = undefined;
    this.#brokerBack();
    if (this.#line.poison.isCautious) this.#needsProof = true;
    if (this.#needsProof) pump.probe();
    else this.#delivering(session, settings);
    this.announce();
    this.#line.wake();
    pump.run();
    const end = await ended;
    this.#end = undefined;
    if (end.kind === 'failed' || this.#aborted.signal.aborted) session.abort();
    else await this.#closeByUs(session, pump, settings, end.kind);
    pump.close(end.kind === 'failed' ? end.cause : 'ours');
    this.#pump = undefined;
    this.#startAwayTimer();
    return end;
  }

  #proven(of: 'message' | 'other', session: MqttSession, settings: SessionSettings): void {
    // A broker that answers everything but the messages, or the birth, has proved nothing.
    if (this.#needsProof && of === 'other' && (this.#line.hasMessages || !this.#pump?.idle)) return;
    this.#needsProof = false;
    if (this.#status.current?.code !== 'MQTT_INFO_NO_ERR') this.#delivering(session, settings);
  }

  #delivering({ grant }: MqttSession, settings: SessionSettings): void {
    const asked = this.#desired.settings ?? settings;
    this.#status.delivering(settings.host, {
      serverKeepAliveSeconds: grant.serverKeepAliveSeconds,
      brokerLimits: shortfall(asked, settings, grant),
    });
  }

  #gaveUp(failure: PumpFailure): void {
    this.#needsProof = true;
    if (failure.kind === 'refused') this.#end?.(failedBy({ phase: 'publish', reasonCode: failure.reasonCode }));
    else this.#end?.(failedBy({ phase: 'session', kind: 'ack_timeout' }));
  }

  #setAside(why: number | 'poison', { host }: SessionSettings): void {
    // What ended the sessions is gone.
    if (why === 'poison') this.#attempts.forgive();
    this.#status.refused(
      classify(why === 'poison' ? { phase: 'poison' } : { phase: 'publish', reasonCode: why }),
      host,
    );
  }

  async #closeByUs(
    session: MqttSession,
    pump: DeliveryPump,
    settings: SessionSettings,
    why: 'replaced' | 'stopped',
  ): Promise<void> {
    // A successor takes over after a stop: then nobody is told that the gateway is gone.
    const farewell = why === 'stopped' ? IN_SILENCE : farewellOf(settings, this.#desired);
    const aborted = this.#aborted.signal;
    const circumstances = { aborted, awaited: this.#awaited.signal };
    await closeSession(session, pump, settings, farewell, circumstances, this.#context);
    if (aborted.aborted) return;
    if (why === 'replaced') this.#status.closedByUs('settings_changed', 'Reconnecting with changed settings.');
    else this.#status.closedByUs('handover', 'Handed over, or stopped.');
  }

  #startAwayTimer(): void {
    this.#awayTimer?.cancel();
    const { clock, limits } = this.#context;
    this.#awayTimer = clock.setTimeout(() => this.#line.brokerIs('away'), limits.awayMs);
  }

  #brokerBack(): void {
    this.#awayTimer?.cancel();
    this.#line.brokerIs('back');
  }
}

function failedBy(failure: Failure): End & { kind: 'failed' } {
  return { kind: 'failed', verdict: classify(failure), cause: endOfSession(failure) };
}

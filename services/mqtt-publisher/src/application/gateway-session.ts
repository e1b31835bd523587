import { delay, fullJitter, withDeadline } from '@gatecast/shared/lifecycle';
import { classify, type Verdict } from '../domain/classify.ts';
import type { Failure } from '../domain/failure.ts';
import { type DesiredSession, leavesStaleWill, type SessionSettings, sameSession } from '../domain/session-settings.ts';
import type { StatusTracker } from '../domain/status-tracker.ts';
import type { PartitionContext } from './context.ts';
import { DeliveryPump, type PumpFailure } from './delivery-pump.ts';
import { identityOf } from './exactly-once.ts';
import type { GatewayLine } from './gateway-line.ts';
import { Notifier } from './notifier.ts';
import type { MqttSession } from './ports.ts';

/**
 * A session that lasted this long counts as a success for the back-off. Acknowledgements alone do not: two clients with
 * one client id, who end each other's sessions in turn, would otherwise do so without a pause.
 */
const STABLE_AFTER_MS = 10_000;

/** Until ownership has decided what a lease means that could not be confirmed. */
const NOT_OURS_MS = 250;

type End = { kind: 'failed'; verdict: Verdict } | { kind: 'replaced' } | { kind: 'stopped' };

/** Keeps one gateway connected to its broker: one attempt after another, one session at a time. */
export class GatewaySession {
  readonly #line: GatewayLine;
  readonly #context: PartitionContext;
  readonly #status: StatusTracker;
  readonly #changed = new Notifier();
  readonly #aborted = new AbortController();
  #desired: DesiredSession;
  #stopping = false;
  /** What interrupts waiting and connecting when the desired state changes. */
  #interrupt = new AbortController();
  #pump: DeliveryPump | undefined;
  #end: ((end: End) => void) | undefined;
  #attempt = 0;
  /** The broker took messages and did not acknowledge them: it has to prove itself before status is green again. */
  #needsProof = false;
  #awayTimer: { cancel(): void } | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(line: GatewayLine, desired: DesiredSession, status: StatusTracker, context: PartitionContext) {
    this.#line = line;
    this.#desired = desired;
    this.#status = status;
    this.#context = context;
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
    this.#attempt = 0;
    this.#interrupt.abort();
    this.#changed.notify();
    this.#end?.({ kind: 'replaced' });
  }

  /** The lane has been fed, or the durable record moved. */
  wake(): void {
    this.#pump?.run();
  }

  /** The lease is valid again. */
  resume(): void {
    this.#pump?.run();
    this.#changed.notify();
  }

  /** Planned end (handover, stop): finishes what is in flight, disconnects without publishing the will. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#interrupt.abort();
    this.#changed.notify();
    this.#end?.({ kind: 'stopped' });
    await this.#running;
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
      // After an end that was not ours: a takeover is never answered by a reconnect.
      if (this.#attempt > 0 && !(await this.#context.lease().confirm())) {
        await delay(NOT_OURS_MS, this.#context.clock, this.#aborted.signal);
        continue;
      }
      if (this.#stopping) break;
      await this.#attemptOnce(settings);
    }
    this.#awayTimer?.cancel();
  }

  async #unconfigured(): Promise<void> {
    const { without } = this.#desired;
    if (without === 'disabled' || without === 'no_host') this.#status.disabled(without);
    this.#attempt = 0;
    await this.#changed.wait();
  }

  async #attemptOnce(settings: SessionSettings): Promise<void> {
    const { connector, observer } = this.#context;
    this.#interrupt = new AbortController();
    if (this.#attempt === 0) this.#status.connecting(settings.host);
    this.#attempt += 1;
    let failure: Failure | undefined;
    const { signal } = this.#interrupt;
    const prepared = await this.#line.exactlyOnce.prepare(settings, signal);
    const owner = this.#context.lease();
    const result = await connector.connect(settings, { ...prepared, owner }, signal, (ended) => {
      failure = ended;
      this.#end?.({ kind: 'failed', verdict: classify(ended) });
    });
    observer.connectAttempt(result.ok ? 'ok' : 'failed');
    if (!result.ok) {
      // Without the lease the attempt was given up, and its outcome says nothing about the broker.
      if (!signal.aborted && owner.isValid()) await this.#failed(settings, classify(result.failure));
      return;
    }
    if (signal.aborted) {
      await result.session.disconnect();
      return;
    }
    const connectedAt = this.#context.clock.monotonic();
    const end = failure
      ? ({ kind: 'failed', verdict: classify(failure) } satisfies End)
      : await this.#serve(result.session, settings);
    if (end.kind !== 'failed') return;
    if (this.#context.clock.monotonic() - connectedAt > STABLE_AFTER_MS) this.#attempt = 1;
    observer.sessionEnded(end.verdict.reason);
    await this.#failed(settings, end.verdict);
  }

  /** Back-off with full jitter; a change of settings or a stop ends the wait. */
  async #failed(settings: SessionSettings, verdict: Verdict): Promise<void> {
    const { limits, random, clock, log } = this.#context;
    const waitMs = fullJitter(this.#attempt, { baseMs: limits.backoffBaseMs, maxMs: limits.backoffMaxMs }, random);
    this.#status.failed(verdict, settings.host, this.#attempt, new Date(clock.now() + waitMs));
    log.info(
      { gatewayId: this.#line.gatewayId, code: verdict.code, reason: verdict.reason, attempt: this.#attempt, waitMs },
      'no session',
    );
    await delay(waitMs, clock, this.#interrupt.signal);
  }

  async #serve(session: MqttSession, settings: SessionSettings): Promise<End> {
    const ended = new Promise<End>((resolve) => {
      this.#end = resolve;
    });
    this.#line.exactlyOnce.opened(settings, session.grant.sessionPresent);
    const pump = new DeliveryPump(session, settings, this.#desired.revision, this.#line, this.#context, {
      onProof: (of) => this.#proven(of, session, settings),
      onFailure: (failure) => this.#end?.({ kind: 'failed', verdict: this.#pumpVerdict(failure) }),
      onSetAside: (reasonCode) => this.#status.refused(classify({ phase: 'publish', reasonCode }), settings.host),
    });
    this.#pump = pump;
    this.#brokerBack();
    if (this.#needsProof) pump.probe();
    else this.#status.delivering(settings.host, session.grant.serverKeepAliveSeconds);
    if (settings.will.enabled)
      void pump.publishExtra(willMessage(settings, settings.will.birthPayload), settings.will.qos);
    this.#line.wake();
    pump.run();
    const end = await ended;
    this.#end = undefined;
    if (end.kind === 'failed' || this.#aborted.signal.aborted) session.abort();
    else await this.#closeByUs(session, pump, settings, end.kind);
    pump.close();
    this.#pump = undefined;
    this.#startAwayTimer();
    return end;
  }

  #proven(of: 'message' | 'other', session: MqttSession, settings: SessionSettings): void {
    // A broker that answers everything but the messages has proved nothing.
    if (this.#needsProof && of === 'other' && this.#line.hasMessages) return;
    this.#needsProof = false;
    if (this.#status.current?.code !== 'MQTT_INFO_NO_ERR') {
      this.#status.delivering(settings.host, session.grant.serverKeepAliveSeconds);
    }
  }

  #pumpVerdict(failure: PumpFailure): Verdict {
    this.#needsProof = true;
    if (failure.kind === 'refused') return classify({ phase: 'publish', reasonCode: failure.reasonCode });
    return classify({ phase: 'session', kind: 'ack_timeout' });
  }

  /** Finishes what is in flight, says good-bye with the will's payload unless a successor takes over, disconnects. */
  async #closeByUs(
    session: MqttSession,
    pump: DeliveryPump,
    settings: SessionSettings,
    why: 'replaced' | 'stopped',
  ): Promise<void> {
    const { limits, clock, log } = this.#context;
    pump.pause();
    const goodbye = async () => {
      await this.#whenIdle(pump, limits.drainMs);
      if (why === 'replaced' && settings.will.enabled) {
        await pump.publishExtra(willMessage(settings, settings.will.payload), settings.will.qos);
        if (leavesStaleWill(settings, this.#desired)) {
          await pump.publishExtra(willMessage(settings, ''), settings.will.qos);
        }
      }
      await session.disconnect(pump.idle && endsSession(settings, this.#desired, why));
    };
    try {
      await withDeadline(goodbye(), 2 * limits.drainMs, 'closing a session', clock);
    } catch (error) {
      log.warn({ err: error, gatewayId: this.#line.gatewayId }, 'the session did not end cleanly');
      session.abort();
    }
    if (why === 'replaced') this.#status.closedByUs('settings_changed', 'Reconnecting with changed settings.');
    else this.#status.closedByUs('handover', 'Handed over, or stopped.');
  }

  async #whenIdle(pump: DeliveryPump, ms: number): Promise<void> {
    const { clock } = this.#context;
    const until = clock.monotonic() + ms;
    while (!pump.idle && clock.monotonic() < until) await delay(10, clock);
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

/** Whether nobody will come back to the broker's session; one that still holds messages is kept. */
function endsSession(before: SessionSettings, after: DesiredSession, why: 'replaced' | 'stopped'): boolean {
  if (why === 'stopped') return false;
  return !after.settings || identityOf(before) !== identityOf(after.settings);
}

function willMessage(settings: SessionSettings, payload: string) {
  return { topic: settings.will.topic, payload: Buffer.from(payload, 'utf8'), retain: settings.will.retain };
}

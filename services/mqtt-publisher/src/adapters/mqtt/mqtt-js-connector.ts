import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { type IClientOptions, MqttClient } from 'mqtt';
import type { ConnectOptions, ConnectResult, MqttConnector, SecretOpener } from '../../application/ports.ts';
import type { Failure } from '../../domain/failure.ts';
import type { SessionSettings } from '../../domain/session-settings.ts';
import { DialError, type DialMeans, dial } from './dial.ts';
import { MqttJsSession } from './mqtt-js-session.ts';
import { SharedTicks } from './shared-ticks.ts';

export interface ConnectorOptions {
  /** From CONNECT to CONNACK, ms. */
  connackMs: number;
  /** For a DISCONNECT to be sent, ms. */
  disconnectMs: number;
  /** How long a broker keeps a session at QoS 2 that we do not come back to, seconds. MQTT 5. */
  sessionExpirySeconds: number;
  /** How long a broker waits for us to come back before it publishes the will, seconds. MQTT 5. */
  willDelaySeconds: number;
  /** MQTT 5: CONNECT says who connects and under which epoch. */
  identifySessions: boolean;
}

interface Secrets {
  password: string | undefined;
  clientKey: string | undefined;
}

/** Sessions by MQTT.js: a new client for each attempt, no reconnecting, queueing or replaying of its own. */
export class MqttJsConnector implements MqttConnector {
  readonly #means: DialMeans;
  readonly #opener: SecretOpener;
  readonly #options: ConnectorOptions;
  readonly #clock: Clock;
  readonly #ticks: SharedTicks;
  readonly #log: Logger;

  constructor(means: DialMeans, opener: SecretOpener, options: ConnectorOptions, clock: Clock, log: Logger) {
    this.#means = means;
    this.#opener = opener;
    this.#options = options;
    this.#clock = clock;
    this.#ticks = new SharedTicks(clock);
    this.#log = log;
  }

  async connect(
    settings: SessionSettings,
    options: ConnectOptions,
    signal: AbortSignal,
    onEnd: (failure: Failure) => void,
  ): Promise<ConnectResult> {
    try {
      const secrets = await this.#open(settings);
      const { cleanStart, ...name } = options;
      const clean = isClean(settings, cleanStart);
      const attempt = (isClean: boolean, onEnded: (failure: Failure) => void) =>
        this.#attempt(settings, secrets, isClean, name, signal, onEnded);
      const result = await attempt(clean, onEnd);
      if (!result.ok || !cleanStart || !result.session.grant.sessionPresent) return result;
      // MQTT 3.1.1 knows sessions that last and sessions that start anew, not both in one: the latter ends the former.
      await result.session.disconnect();
      const wiped = await attempt(true, () => {});
      if (!wiped.ok) return wiped;
      await wiped.session.disconnect();
      return await attempt(clean, onEnd);
    } catch (error) {
      if (error instanceof DialError) {
        this.#log.debug({ err: error.cause, gatewayId: settings.gatewayId, failure: error.failure }, 'no connection');
        return { ok: false, failure: error.failure };
      }
      if (isGatecastError(error, 'SECRET_UNREADABLE')) {
        this.#log.error({ err: error, gatewayId: settings.gatewayId }, 'a stored secret cannot be opened');
        return { ok: false, failure: { phase: 'settings', kind: 'secret_unreadable', detail: error.message } };
      }
      throw error;
    }
  }

  async #attempt(
    settings: SessionSettings,
    secrets: Secrets,
    clean: boolean,
    name: SessionName,
    signal: AbortSignal,
    onEnd: (failure: Failure) => void,
  ): Promise<ConnectResult> {
    const socket = await dial(settings, secrets.clientKey, this.#means, signal);
    if (!name.owner.isValid()) {
      // Dialling takes its time. A CONNECT now might end the session of whoever owns the gateway meanwhile.
      socket.destroy();
      throw new DialError({ phase: 'tcp', code: 'ABORTED' });
    }
    name.onConnect();
    const options = clientOptions(settings, secrets.password, clean, name, this.#options);
    const session = new MqttJsSession(
      (outgoing) =>
        new MqttClient(() => socket, {
          ...options,
          outgoingStore: outgoing,
          messageIdProvider: outgoing,
          timerVariant: this.#ticks,
        }),
      socket,
      settings.protocolVersion,
      this.#options,
      this.#clock,
      onEnd,
    );
    const failure = await session.established(signal);
    return failure ? { ok: false, failure } : { ok: true, session };
  }

  async #open({ gatewayId, sealedPassword, sealedClientKey }: SessionSettings): Promise<Secrets> {
    return {
      password: sealedPassword && (await this.#opener.open(gatewayId, 'password', sealedPassword)),
      clientKey: sealedClientKey && (await this.#opener.open(gatewayId, 'tls.clientKey', sealedClientKey)),
    };
  }
}

type SessionName = Omit<ConnectOptions, 'cleanStart'>;

/** Largest packet that a broker may send us: we subscribe to nothing, so only acknowledgements come. */
const MAX_INCOMING_PACKET = 64 * 1024;

const noLog = () => {};

/**
 * Whether CONNECT asks for a session that starts anew. With MQTT 3.1.1 one that starts anew also ends with the
 * connection. With MQTT 5 sessions last a moment at any QoS: only so can a will wait for a successor.
 */
function isClean({ qos, protocolVersion, will }: SessionSettings, cleanStart: boolean): boolean {
  if (protocolVersion === 5) return cleanStart || (qos < 2 && !will.enabled);
  return qos < 2;
}

function clientOptions(
  settings: SessionSettings,
  password: string | undefined,
  clean: boolean,
  name: SessionName,
  { connackMs, sessionExpirySeconds, willDelaySeconds, identifySessions }: ConnectorOptions,
): IClientOptions {
  const { will, protocolVersion, qos } = settings;
  // [MQTT-3.1.3-9]: a will is published at the latest when the session ends.
  const lastingSeconds = will.enabled ? willDelaySeconds : 0;
  const expirySeconds = qos === 2 ? Math.max(sessionExpirySeconds, lastingSeconds) : lastingSeconds;
  return {
    protocolId: 'MQTT',
    protocolVersion,
    clientId: settings.clientId,
    keepalive: settings.keepAliveSeconds,
    clean,
    reconnectPeriod: 0,
    // MQTT.js has no way to switch its own CONNACK timer off: ours, shorter, gives the reason.
    connectTimeout: 2 * connackMs,
    // MQTT.js formats its debug output even when nobody reads it.
    log: noLog,
    // It would keep a buffer for each 16-bit number, 8 MiB, and saves less than can be measured.
    writeCache: false,
    resubscribe: false,
    queueQoSZero: false,
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(password === undefined ? {} : { password }),
    ...(will.enabled
      ? {
          will: {
            topic: will.topic,
            // As text: the few bytes of a Buffer would keep 64 KiB of Node's pool for as long as the session lives.
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            ...(protocolVersion === 5 ? { properties: { willDelayInterval: willDelaySeconds } } : {}),
          },
        }
      : {}),
    ...(protocolVersion === 5
      ? {
          properties: {
            maximumPacketSize: MAX_INCOMING_PACKET,
            sessionExpiryInterval: expirySeconds,
            ...(identifySessions && { userProperties: propertiesOf(name) }),
          },
        }
      : {}),
  };
}

/** By these, a broker's log tells which process a session was of, and whether an older owner came back. */
function propertiesOf({ owner: { instance, epoch }, moves }: SessionName): Record<string, string> {
  return { 'gatecast-instance': instance, 'gatecast-epoch': String(epoch), 'gatecast-moves': String(moves) };
}

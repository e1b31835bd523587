import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { type IClientOptions, MqttClient } from 'mqtt';
import type { ConnectResult, MqttConnector, SecretOpener, SessionOwner } from '../../application/ports.ts';
import type { Failure } from '../../domain/failure.ts';
import type { SessionSettings } from '../../domain/session-settings.ts';
import type { AddressPolicy } from './address-policy.ts';
import { DialError, type DialTimeouts, dial } from './dial.ts';
import { MqttJsSession } from './mqtt-js-session.ts';

export interface ConnectorOptions extends DialTimeouts {
  /** From CONNECT to CONNACK, ms. */
  connackMs: number;
  /** For a DISCONNECT to be sent, ms. */
  disconnectMs: number;
  /** MQTT 5: CONNECT says who connects and under which epoch. */
  identifySessions: boolean;
}

interface Secrets {
  password: string | undefined;
  clientKey: string | undefined;
}

/** Sessions by MQTT.js: a new client for each attempt, no reconnecting, queueing or replaying of its own. */
export class MqttJsConnector implements MqttConnector {
  readonly #policy: AddressPolicy;
  readonly #opener: SecretOpener;
  readonly #options: ConnectorOptions;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(policy: AddressPolicy, opener: SecretOpener, options: ConnectorOptions, clock: Clock, log: Logger) {
    this.#policy = policy;
    this.#opener = opener;
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  async connect(
    settings: SessionSettings,
    signal: AbortSignal,
    onEnd: (failure: Failure) => void,
    owner: SessionOwner,
  ): Promise<ConnectResult> {
    try {
      const secrets = await this.#open(settings);
      const socket = await dial(settings, secrets.clientKey, this.#policy, this.#options, signal);
      const client = new MqttClient(() => socket, clientOptions(settings, secrets.password, this.#options, owner));
      const session = new MqttJsSession(client, socket, settings.protocolVersion, this.#options, this.#clock, onEnd);
      const failure = await session.established(signal);
      return failure ? { ok: false, failure } : { ok: true, session };
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

  async #open({ gatewayId, sealedPassword, sealedClientKey }: SessionSettings): Promise<Secrets> {
    return {
      password: sealedPassword && (await this.#opener.open(gatewayId, 'password', sealedPassword)),
      clientKey: sealedClientKey && (await this.#opener.open(gatewayId, 'tls.clientKey', sealedClientKey)),
    };
  }
}

/** Largest packet that a broker may send us: we subscribe to nothing, so only acknowledgements come. */
const MAX_INCOMING_PACKET = 64 * 1024;

const noLog = () => {};

function clientOptions(
  settings: SessionSettings,
  password: string | undefined,
  { connackMs, identifySessions }: ConnectorOptions,
  owner: SessionOwner,
): IClientOptions {
  const { will, protocolVersion } = settings;
  return {
    protocolId: 'MQTT',
    protocolVersion,
    clientId: settings.clientId,
    keepalive: settings.keepAliveSeconds,
    clean: true,
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
            payload: Buffer.from(will.payload, 'utf8'),
            qos: will.qos,
            retain: will.retain,
          },
        }
      : {}),
    ...(protocolVersion === 5
      ? {
          properties: {
            maximumPacketSize: MAX_INCOMING_PACKET,
            ...(identifySessions && { userProperties: identityOf(owner) }),
          },
        }
      : {}),
  };
}

/** By these, a broker's log tells which process a session was of, and whether an older owner came back. */
function identityOf({ instance, epoch }: SessionOwner): Record<string, string> {
  return { 'gatecast-instance': instance, 'gatecast-epoch': String(epoch) };
}

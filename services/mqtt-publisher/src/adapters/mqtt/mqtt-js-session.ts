import type { Socket } from 'node:net';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { MqttMessage } from '@gatecast/shared/outbox';
import type { MqttClient } from 'mqtt';
import type { IConnackPacket, IDisconnectPacket } from 'mqtt-packet';
import type { MqttSession, PublishOptions, PublishOutcome, SessionGrant } from '../../application/ports.ts';
import { isTlsAlert } from '../../domain/classify.ts';
import type { Failure } from '../../domain/failure.ts';
import { codeOf } from './dial.ts';

const NO_RECEIVE_MAXIMUM = 0xffff;

/**
 * Bytes that a broker may send without completing a packet. We subscribe to nothing, so only short packets come; MQTT.js
 * would collect up to 256 MiB of a long one, for each session.
 */
const MAX_INCOMPLETE_BYTES = 256 * 1024;

export interface SessionDeadlines {
  connackMs: number;
  disconnectMs: number;
}

/**
 * One session over one MQTT.js client. MQTT.js reports an end in up to three ways (an error, a DISCONNECT, a close) and
 * calls callbacks of a dead session back or not: here it ends exactly once, with one reason, and is silent afterwards.
 */
export class MqttJsSession implements MqttSession {
  readonly #client: MqttClient;
  readonly #socket: Socket;
  readonly #protocolVersion: 4 | 5;
  readonly #deadlines: SessionDeadlines;
  readonly #clock: Clock;
  readonly #onEnd: (failure: Failure) => void;
  #grant: SessionGrant = grantOf({});
  #state: 'connecting' | 'open' | 'ended' = 'connecting';
  /** Who waits for a PINGRESP, in order. MQTT.js's own keep-alive may have one more under way. */
  readonly #pings: (() => void)[] = [];
  #incompleteBytes = 0;
  #established: ((failure: Failure | undefined) => void) | undefined;

  constructor(
    client: MqttClient,
    socket: Socket,
    protocolVersion: 4 | 5,
    deadlines: SessionDeadlines,
    clock: Clock,
    onEnd: (failure: Failure) => void,
  ) {
    this.#client = client;
    this.#socket = socket;
    this.#protocolVersion = protocolVersion;
    this.#deadlines = deadlines;
    this.#clock = clock;
    this.#onEnd = onEnd;
    client.on('connect', (connack) => this.#connected(connack));
    client.on('error', (error) => this.#ended(this.#failureOf(error)));
    client.on('disconnect', (packet) => this.#ended(disconnectFailure(packet)));
    client.on('close', () => this.#ended(this.#closedFailure()));
    client.on('packetreceive', ({ cmd }) => {
      this.#incompleteBytes = 0;
      if (cmd === 'pingresp' && this.#state === 'open') this.#pings.shift()?.();
    });
    socket.on('data', (chunk: Buffer) => this.#received(chunk.length));
  }

  get grant(): SessionGrant {
    return this.#grant;
  }

  /** Waits for the CONNACK; returns why there is no session, or undefined. */
  async established(signal: AbortSignal): Promise<Failure | undefined> {
    const { connackMs } = this.#deadlines;
    const outcome = new Promise<Failure | undefined>((resolve) => {
      this.#established = resolve;
    });
    const timer = this.#clock.setTimeout(() => this.#ended({ phase: 'connack', kind: 'timeout' }), connackMs);
    const onAbort = () => this.#ended({ phase: 'connack', kind: 'closed' });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const failure = await outcome;
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
    return failure;
  }

  publish(message: MqttMessage, options: PublishOptions, done: (outcome: PublishOutcome) => void): void {
    const { topic, payload, retain } = message;
    const { qos, userProperties } = options;
    const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const packet = userProperties ? { qos, retain, properties: { userProperties } } : { qos, retain };
    this.#client.publish(topic, buffer, packet, (error) => {
      if (this.#state !== 'open') return;
      if (!error) {
        done({ kind: 'acknowledged' });
        return;
      }
      const reasonCode = (error as { code?: unknown }).code;
      // Without a reason code it is the connection, whose end is reported by itself.
      if (typeof reasonCode === 'number') done({ kind: 'refused', reasonCode });
    });
  }

  ping(answered: () => void): void {
    if (this.#state !== 'open') return;
    this.#pings.push(answered);
    this.#client.sendPing();
  }

  async disconnect(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimeout(() => {
        this.#socket.destroy();
        resolve();
      }, this.#deadlines.disconnectMs);
      this.#socket.once('close', () => {
        timer.cancel();
        resolve();
      });
      this.#client.end(false);
    });
  }

  abort(): void {
    this.#state = 'ended';
    this.#destroy();
  }

  #received(bytes: number): void {
    this.#incompleteBytes += bytes;
    if (this.#incompleteBytes <= MAX_INCOMPLETE_BYTES) return;
    this.#ended(
      this.#state === 'connecting'
        ? { phase: 'connack', kind: 'not_mqtt' }
        : { phase: 'session', kind: 'protocol_error' },
    );
  }

  #connected(connack: IConnackPacket): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#grant = grantOf(connack.properties ?? {});
    this.#established?.(undefined);
  }

  #ended(failure: Failure): void {
    const before = this.#state;
    if (before === 'ended') return;
    this.#state = 'ended';
    this.#destroy();
    if (before === 'connecting') this.#established?.(failure);
    else this.#onEnd(failure);
  }

  #destroy(): void {
    // Nothing that MQTT.js still has to say may become an uncaught error.
    this.#client.removeAllListeners('error').on('error', () => {});
    this.#client.end(true);
    this.#socket.destroy();
  }

  #closedFailure(): Failure {
    return this.#state === 'connecting' ? { phase: 'connack', kind: 'closed' } : { phase: 'session', kind: 'closed' };
  }

  /** MQTT.js gives reason codes as numbers, socket errors with their errno, and malformed packets without a code. */
  #failureOf(error: Error): Failure {
    const connecting = this.#state === 'connecting';
    const reasonCode: unknown = (error as { code?: unknown }).code;
    if (typeof reasonCode === 'number' && connecting) {
      return { phase: 'connack', kind: 'refused', reasonCode, protocolVersion: this.#protocolVersion };
    }
    const code = codeOf(error);
    if (isTlsAlert(code)) return { phase: 'tls', code, detail: error.message };
    if (error.message === 'Keepalive timeout') return { phase: 'session', kind: 'keep_alive_timeout' };
    if (code !== 'UNKNOWN') {
      if (connecting) return { phase: 'connack', kind: 'closed' };
      return { phase: 'session', kind: code === 'ETIMEDOUT' ? 'closed' : 'reset' };
    }
    return connecting ? { phase: 'connack', kind: 'not_mqtt' } : { phase: 'session', kind: 'protocol_error' };
  }
}

/** What is absent is not limited: section 3.2.2.3 of MQTT 5. */
function grantOf(properties: NonNullable<IConnackPacket['properties']>): SessionGrant {
  const { receiveMaximum, serverKeepAlive, maximumQoS, retainAvailable, maximumPacketSize } = properties;
  return {
    receiveMaximum: receiveMaximum ?? NO_RECEIVE_MAXIMUM,
    serverKeepAliveSeconds: serverKeepAlive,
    maximumQos: maximumQoS === 0 || maximumQoS === 1 ? maximumQoS : 2,
    retainAvailable: retainAvailable ?? true,
    maximumPacketSize: maximumPacketSize ?? Number.POSITIVE_INFINITY,
  };
}

function disconnectFailure(packet: IDisconnectPacket): Failure {
  return { phase: 'session', kind: 'disconnected', reasonCode: packet.reasonCode ?? 0 };
}

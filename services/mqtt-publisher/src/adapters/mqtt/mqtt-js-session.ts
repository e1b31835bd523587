import type { Socket } from 'node:net';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { MqttMessage } from '@gatecast/shared/outbox';
import type { MqttClient } from 'mqtt';
import { generate, type IConnackPacket, type IDisconnectPacket, type Packet } from 'mqtt-packet';
import type { MqttSession, PublishOptions, PublishOutcome, SessionGrant } from '../../application/ports.ts';
import { isTlsAlert } from '../../domain/classify.ts';
import type { Failure } from '../../domain/failure.ts';
import { codeOf } from './dial.ts';
import { OutgoingPackets } from './outgoing-packets.ts';

const NO_RECEIVE_MAXIMUM = 0xffff;

/** MQTT 5, reason code of PUBCOMP. */
const PACKET_IDENTIFIER_NOT_FOUND = 0x92;

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
  #grant: SessionGrant = grantOf({}, false);
  #state: 'connecting' | 'open' | 'ended' = 'connecting';
  /** Who waits for a PINGRESP, in order. MQTT.js's own keep-alive may have one more under way. */
  readonly #pings: (() => void)[] = [];
  readonly #outgoing: OutgoingPackets;
  /** Who waits for a PUBREC, and for a PUBCOMP, by packet id. */
  readonly #unreceived = new Map<number, () => void>();
  readonly #unreleased = new Map<number, (found: boolean) => void>();
  #incompleteBytes = 0;
  #established: ((failure: Failure | undefined) => void) | undefined;

  /** @param createClient makes the client, with `outgoing` as its store and its provider of packet ids */
  constructor(
    createClient: (outgoing: OutgoingPackets) => MqttClient,
    socket: Socket,
    protocolVersion: 4 | 5,
    deadlines: SessionDeadlines,
    clock: Clock,
    onEnd: (failure: Failure) => void,
  ) {
    this.#outgoing = new OutgoingPackets((packetId) => this.#received(packetId));
    const client = createClient(this.#outgoing);
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
    client.on('packetreceive', (packet) => {
      this.#incompleteBytes = 0;
      if (this.#state !== 'open') return;
      if (packet.cmd === 'pingresp') this.#pings.shift()?.();
      else if (packet.cmd === 'pubcomp') this.#completed(packet.messageId ?? 0, packet.reasonCode);
    });
    socket.on('data', (chunk: Buffer) => this.#arrived(chunk.length));
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
    const { qos, packetId } = options;
    if (qos < 2 || packetId === undefined) this.#publish(message, options, done);
    else {
      this.#unreceived.set(packetId, () => done({ kind: 'received' }));
      this.#publish(message, options, (outcome) => {
        // Afterwards MQTT.js speaks of the PUBCOMP, which belongs to whoever released the message.
        if (this.#unreceived.delete(packetId)) done(outcome);
      });
    }
  }

  release(packetId: number, done: (found: boolean) => void): void {
    if (this.#state !== 'open') return;
    this.#unreleased.set(packetId, done);
    // MQTT.js has no call for it. Packets are written at once and whole, so that ours get between its own.
    this.#write({ cmd: 'pubrel', messageId: packetId, reasonCode: 0 });
  }

  #received(packetId: number): void {
    const received = this.#unreceived.get(packetId);
    this.#unreceived.delete(packetId);
    if (this.#state === 'open') received?.();
  }

  #completed(packetId: number, reasonCode: number | undefined): void {
    const completed = this.#unreleased.get(packetId);
    this.#unreleased.delete(packetId);
    completed?.(reasonCode !== PACKET_IDENTIFIER_NOT_FOUND);
  }

  #publish(message: MqttMessage, options: PublishOptions, done: (outcome: PublishOutcome) => void): void {
    const { topic, payload, retain } = message;
    const { qos, userProperties, packetId, dup = false } = options;
    const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const packet = userProperties ? { qos, retain, dup, properties: { userProperties } } : { qos, retain, dup };
    this.#outgoing.use(packetId);
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

  async disconnect(endsSession = false): Promise<void> {
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
      // Ours: MQTT.js would wait until everything is acknowledged, and without a DISCONNECT the will is published.
      this.#write({
        cmd: 'disconnect',
        reasonCode: 0,
        ...(endsSession ? { properties: { sessionExpiryInterval: 0 } } : {}),
      });
      this.#socket.end();
    });
    this.#destroy();
  }

  abort(): void {
    this.#state = 'ended';
    this.#destroy();
  }

  #write(packet: Packet): void {
    this.#socket.write(generate(packet, { protocolVersion: this.#protocolVersion }));
  }

  #arrived(bytes: number): void {
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
    this.#grant = grantOf(connack.properties ?? {}, connack.sessionPresent);
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
function grantOf(properties: NonNullable<IConnackPacket['properties']>, sessionPresent: boolean): SessionGrant {
  const { receiveMaximum, serverKeepAlive, maximumQoS, retainAvailable, maximumPacketSize } = properties;
  return {
    receiveMaximum: receiveMaximum ?? NO_RECEIVE_MAXIMUM,
    serverKeepAliveSeconds: serverKeepAlive,
    sessionPresent,
    maximumQos: maximumQoS === 0 || maximumQoS === 1 ? maximumQoS : 2,
    retainAvailable: retainAvailable ?? true,
    maximumPacketSize: maximumPacketSize ?? Number.POSITIVE_INFINITY,
  };
}

function disconnectFailure(packet: IDisconnectPacket): Failure {
  return { phase: 'session', kind: 'disconnected', reasonCode: packet.reasonCode ?? 0 };
}

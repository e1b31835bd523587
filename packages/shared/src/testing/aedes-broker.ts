import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Aedes, AuthenticateError, Client } from 'aedes';
import type { IConnectPacket } from 'mqtt-packet';
import { systemClock } from '../lifecycle/clock.ts';
import { withDeadline } from '../lifecycle/deadline.ts';
import { LOOPBACK, listen } from './listen.ts';

/** CONNACK return codes 4 and 5 of MQTT 3.1.1. */
export type AedesRefusal = 'bad user name or password' | 'not authorized';

export interface AedesBrokerOptions {
  /** Default: everybody is let in. */
  readonly authenticate?: (client: AedesCredentials) => true | AedesRefusal;
  /** Default 0, the kernel picks one. */
  readonly port?: number;
}

export interface AedesCredentials {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export interface AedesMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly clientId: string;
}

const RETURN_CODES: Record<AedesRefusal, number> = { 'bad user name or password': 4, 'not authorized': 5 };
const STOP_DEADLINE_MS = 2_000;

/** The aedes broker in this process (MQTT 3.1.1 only), with what clients sent it. */
export class AedesBroker {
  readonly host = LOOPBACK;
  readonly port: number;
  /** Every CONNECT, let in or not. */
  readonly connects: readonly IConnectPacket[];
  /** What clients published, in order; wills too. */
  readonly messages: readonly AedesMessage[];
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(aedes: Aedes, server: Server, port: number, sockets: Set<Socket>, captured: Captured) {
    this.#aedes = aedes;
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
    this.connects = captured.connects;
    this.messages = captured.messages;
  }

  static async start(options: AedesBrokerOptions = {}): Promise<AedesBroker> {
    const captured: Captured = { connects: [], messages: [] };
    const aedes = await createAedes(options, captured);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      aedes.handle(socket);
    });
    return new AedesBroker(aedes, server, await listen(server, options.port), sockets, captured);
  }

  get url(): string {
    return `mqtt://${this.host}:${this.port}`;
  }

  /** Cuts every connection, as a broker that crashed. Wills are published. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** @throws {GatecastError} `STOP_DEADLINE` after two seconds. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    const ended = new Promise<void>((resolve) => this.#aedes.close(resolve));
    this.dropConnections();
    await withDeadline(Promise.all([closed, ended]), STOP_DEADLINE_MS, 'stopping aedes', systemClock);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

interface Captured {
  readonly connects: IConnectPacket[];
  readonly messages: AedesMessage[];
}

async function createAedes(options: AedesBrokerOptions, captured: Captured): Promise<Aedes> {
  const { Aedes } = await import('aedes');
  const aedes = await Aedes.createBroker({
    preConnect(_client, packet, done) {
      captured.connects.push(packet);
      done(null, true);
    },
    authenticate(client, username, password, done) {
      const verdict = options.authenticate?.({ clientId: client.id, username, password: password?.toString() }) ?? true;
      if (verdict === true) return done(null, true);
      const error: AuthenticateError = Object.assign(new Error(verdict), { returnCode: RETURN_CODES[verdict] });
      done(error, false);
    },
  });
  aedes.on('publish', (packet, client: Client | null) => {
    if (client === null && packet.topic.startsWith('$SYS/')) return;
    const { topic, payload, qos, retain } = packet;
    captured.messages.push({ topic, payload: payload.toString(), qos, retain, clientId: client?.id ?? '' });
  });
  // aedes emits 'error' on its client for a connection that breaks; without listeners that ends the process
  aedes.on('clientError', () => undefined);
  aedes.on('connectionError', () => undefined);
  return aedes;
}

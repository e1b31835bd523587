import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { systemClock, withDeadline } from '@gatecast/shared/lifecycle';
import { Aedes } from 'aedes';
import type { BrokerAddress } from './broker-address.ts';

const HOST = '127.0.0.1';
const STOP_DEADLINE_MS = 2_000;

/** An MQTT broker (3.1.1) in this process, on a free port of 127.0.0.1, for those who have none at hand. */
export class EmbeddedBroker {
  readonly address: BrokerAddress;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(aedes: Aedes, server: Server, sockets: ReadonlySet<Socket>, port: number) {
    this.#aedes = aedes;
    this.#server = server;
    this.#sockets = sockets;
    this.address = { host: HOST, port, tls: false };
  }

  static async start(): Promise<EmbeddedBroker> {
    const aedes = await Aedes.createBroker();
    // aedes emits 'error' on its client for a connection that breaks; without listeners that ends the process
    aedes.on('clientError', () => undefined);
    aedes.on('connectionError', () => undefined);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      aedes.handle(socket);
    });
    server.listen(0, HOST);
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('the broker has no TCP address');
    return new EmbeddedBroker(aedes, server, sockets, address.port);
  }

  /** @throws {GatecastError} `STOP_DEADLINE` after two seconds. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    const ended = new Promise<void>((resolve) => this.#aedes.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await withDeadline(Promise.all([closed, ended]), STOP_DEADLINE_MS, 'stopping the embedded broker', systemClock);
  }
}

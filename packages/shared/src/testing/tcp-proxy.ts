import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../lifecycle/clock.ts';
import { withDeadline } from '../lifecycle/deadline.ts';
import { LOOPBACK, listen } from './listen.ts';
import { ProxiedConnection } from './proxied-connection.ts';
import type { ProxyLink } from './proxy-pipe.ts';

export interface ProxyTarget {
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
}

export interface TcpProxyOptions {
  readonly target: ProxyTarget;
  /** Default 0, the kernel picks one. */
  readonly port?: number;
}

const STOP_DEADLINE_MS = 2_000;

/**
 * A TCP proxy on 127.0.0.1 that makes a network misbehave. A target that refuses shows as a connection that is accepted
 * and then reset, since the proxy accepts first; `refuse()` is for a closed port.
 */
export class TcpProxy {
  readonly host = LOOPBACK;
  /** Where new connections go. */
  target: ProxyTarget;
  /** How many connections were accepted so far. */
  connectionCount = 0;
  readonly #link: ProxyLink = { isBlackhole: false, delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
  readonly #connections = new Set<ProxiedConnection>();
  #server: Server | undefined;
  #port = 0;
  #resetAfter: number | undefined;
  #bytesOfEnded = { toTarget: 0, toClient: 0 };

  private constructor(target: ProxyTarget) {
    this.target = target;
  }

  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options.target);
    proxy.#port = options.port ?? 0;
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  get bytesToTarget(): number {
    return [...this.#connections].reduce((sum, open) => sum + open.bytesToTarget, this.#bytesOfEnded.toTarget);
  }

  get bytesToClient(): number {
    return [...this.#connections].reduce((sum, open) => sum + open.bytesToClient, this.#bytesOfEnded.toClient);
  }

  /**
   * A firewall that drops everything: open connections stall, new ones are accepted and lead nowhere. As with TCP, what
   * was sent meanwhile, and who hung up, comes through after {@link restore}.
   */
  blackhole(): void {
    this.#link.isBlackhole = true;
    this.#refresh();
  }

  /** Closes the port: new connections get ECONNREFUSED, open ones go on. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.close(); // its 'close' event would wait for the open connections; the port is free at the next turn
    await new Promise(setImmediate);
  }

  /** Bytes take that much longer, each way. */
  delay(ms: number): void {
    this.#link.delayMs = ms;
    this.#refresh();
  }

  /** No more bytes a second than that, in each direction of each connection. */
  throttle(bytesPerSecond: number): void {
    this.#link.bytesPerSecond = bytesPerSecond;
    this.#refresh();
  }

  /** Resets (RST) all open connections, at both ends. */
  resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Resets each connection, open or new, once it has carried that many more bytes to the target: in mid-packet. */
  resetAfter(bytes: number): void {
    this.#resetAfter = bytes;
    for (const connection of this.#connections) connection.resetAfter(bytes);
  }

  /** Open connections become half-open: the target sees its end closed, the client notices nothing and gets nothing. */
  halfOpen(): void {
    for (const connection of this.#connections) connection.abandonTarget();
  }

  /** A network without faults again, on the same port. Connections that are gone stay gone. */
  async restore(): Promise<void> {
    this.#resetAfter = undefined;
    Object.assign(this.#link, { isBlackhole: false, delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY });
    for (const connection of this.#connections) connection.restored();
    if (this.#server === undefined) await this.#listen();
  }

  /** @throws {GatecastError} `STOP_DEADLINE` after two seconds. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server && once(server, 'close');
    server?.close();
    this.resetAll();
    if (closed) await withDeadline(closed, STOP_DEADLINE_MS, 'stopping the TCP proxy', systemClock);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#port = await listen(server, this.#port);
    this.#server = server;
  }

  #accept(client: Socket): void {
    this.connectionCount += 1;
    const { host = LOOPBACK, port } = this.target;
    const connection = new ProxiedConnection(client, { host, port }, this.#link, () => {
      this.#connections.delete(connection);
      this.#bytesOfEnded.toTarget += connection.bytesToTarget;
      this.#bytesOfEnded.toClient += connection.bytesToClient;
    });
    connection.resetAfter(this.#resetAfter);
    this.#connections.add(connection);
  }

  #refresh(): void {
    for (const connection of this.#connections) connection.linkChanged();
  }
}

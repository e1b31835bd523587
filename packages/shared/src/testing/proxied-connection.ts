import { Socket } from 'node:net';
import { type ProxyLink, ProxyPipe } from './proxy-pipe.ts';

/** One client's connection through the proxy, and the connection to the target that belongs to it. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #target = new Socket({ allowHalfOpen: true });
  readonly #address: { readonly host: string; readonly port: number };
  readonly #link: ProxyLink;
  readonly #toTarget: ProxyPipe;
  readonly #toClient: ProxyPipe;
  #isDialled = false;
  /** The ends no longer hear of each other; they are reset when the network is back. */
  #isBroken = false;

  /** `onOver` is called once, when both sockets are closed. */
  constructor(
    client: Socket,
    address: { readonly host: string; readonly port: number },
    link: ProxyLink,
    onOver: () => void,
  ) {
    this.#client = client;
    this.#address = address;
    this.#link = link;
    this.#toTarget = new ProxyPipe(client, this.#target, link, () => this.#cut());
    this.#toClient = new ProxyPipe(this.#target, client, link, () => undefined);
    let open = 2;
    for (const socket of [client, this.#target]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#broke(() => this.reset()));
      socket.once('close', () => {
        open -= 1;
        if (open === 0) onOver();
      });
    }
    client.once('close', () => this.#broke(() => this.#target.destroySoon()));
    this.linkChanged();
  }

  get bytesToTarget(): number {
    return this.#toTarget.forwarded;
  }

  get bytesToClient(): number {
    return this.#toClient.forwarded;
  }

  linkChanged(): void {
    if (this.#isBroken) return;
    if (!this.#link.isBlackhole) this.#dial();
    this.#toTarget.pump();
    this.#toClient.pump();
  }

  /** RST at both ends. */
  reset(): void {
    for (const socket of [this.#client, this.#target]) {
      if (socket.pending) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  /** Once that many more bytes have gone to the target; undefined: never. */
  resetAfter(bytes: number | undefined): void {
    this.#toTarget.limit = bytes === undefined ? Number.POSITIVE_INFINITY : this.#toTarget.forwarded + bytes;
  }

  /** Ends the target's side; the client's stays open, unread and silent. */
  abandonTarget(): void {
    this.#isBroken = true;
    this.#toTarget.stop();
    this.#toClient.stop();
    this.#target.destroy();
  }

  /** The network is back: what the client sends into a half-open connection is answered with a reset. */
  restored(): void {
    this.resetAfter(undefined);
    if (this.#isBroken) this.reset();
    else this.linkChanged();
  }

  /** One end is gone: the other hears of it, unless nothing gets through. */
  #broke(tell: () => void): void {
    if (this.#link.isBlackhole) this.#isBroken = true;
    else tell();
  }

  #dial(): void {
    if (this.#isDialled) return;
    this.#isDialled = true;
    this.#target.connect(this.#address);
  }

  /** The target gets what came before the cut; the client is told nothing of how much that was. */
  #cut(): void {
    this.#target.destroySoon();
    this.#client.resetAndDestroy();
  }
}

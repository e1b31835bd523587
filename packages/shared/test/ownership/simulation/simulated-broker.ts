import type { Lease } from '../../../src/ownership/index.ts';
import type { World } from './world.ts';

/** One TCP connection of a session to the broker. */
export interface Connection {
  readonly partition: number;
  /** Under which it is written to. */
  lease: Lease;
  /** What has been written so far has not been refused: the broker has not ended it. */
  isAccepted: boolean;
  /** Calls the client once the broker has ended the connection. */
  onClosed: () => void;
  onConnack: () => void;
}

/** The broker of one partition's gateway: one client id, so the latest CONNECT ends the session before it. */
export class SimulatedBroker {
  readonly #world: World;
  readonly #partition: number;
  #current: Connection | undefined;
  #highest = { epoch: 0, leasedAt: 0 };
  /** CONNECTs taken so far. */
  connects = 0;
  resets = 0;

  constructor(world: World, partition: number) {
    this.#world = world;
    this.#partition = partition;
  }

  get current(): Connection | undefined {
    return this.#current;
  }

  connect(connection: Connection, writtenAt: number): void {
    const { epoch } = connection.lease;
    // What was in the socket already when the lease ended, and comes late, nobody can hold back.
    const isUnavoidable = writtenAt <= this.#highest.leasedAt;
    if (epoch < this.#highest.epoch && !isUnavoidable) {
      this.#world.violated(
        `partition ${this.#partition}: CONNECT of epoch ${epoch} after one of ${this.#highest.epoch}`,
      );
    }
    if (epoch > this.#highest.epoch) {
      this.#highest = { epoch, leasedAt: this.#world.leasedAt(this.#partition, epoch) };
    }
    this.#close();
    this.connects += 1;
    this.#current = connection;
    connection.isAccepted = true;
    connection.onConnack();
  }

  publish(connection: Connection): void {
    if (this.#current !== connection) return; // ended: what was still in the socket is never read
    const { epoch } = connection.lease;
    if (epoch < this.#highest.epoch) {
      this.#world.violated(
        `partition ${this.#partition}: PUBLISH of epoch ${epoch} after a CONNECT of ${this.#highest.epoch}`,
      );
    }
  }

  /** The client closed it. */
  closed(connection: Connection): void {
    if (this.#current === connection) this.#current = undefined;
  }

  /** Cuts the session, as a restart or a fault of the network does. */
  reset(): void {
    this.resets += 1;
    this.#close();
  }

  #close(): void {
    const ended = this.#current;
    this.#current = undefined;
    if (!ended) return;
    ended.isAccepted = false;
    ended.onClosed();
  }
}

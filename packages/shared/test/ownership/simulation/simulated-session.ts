import type { Lease } from '../../../src/ownership/index.ts';
import type { Connection } from './simulated-broker.ts';
import type { SimulatedProcess } from './simulated-process.ts';

const RECONNECT_MS = 20;
const PUBLISH_MS = 230;

/** What a publisher does for the gateway of one partition, in outline: connect, publish, connect again. */
export class SimulatedSession {
  readonly #process: SimulatedProcess;
  readonly #partition: number;
  #lease: Lease;
  #connection: Connection | undefined;
  #isOver = false;

  constructor(process: SimulatedProcess, partition: number, lease: Lease) {
    this.#process = process;
    this.#partition = partition;
    this.#lease = lease;
  }

  get isConnected(): boolean {
    return this.#connection?.isAccepted ?? false;
  }

  start(): void {
    this.#connect();
    this.#publishNowAndThen();
  }

  reacquired(lease: Lease): void {
    this.#lease = lease;
    // The record was nobody else's meanwhile: the sockets are kept, and go on under the new lease.
    if (this.#connection) this.#connection.lease = lease;
    else this.#connect();
  }

  end(): void {
    this.#isOver = true;
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) this.#process.hangUp(connection);
  }

  #mayWrite(): boolean {
    return this.#process.variant === 'lease ignored' || this.#lease.isValid();
  }

  #connect(): void {
    if (this.#isOver || this.#connection) return;
    if (!this.#mayWrite() && this.#process.variant !== 'reconnect without re-check') {
      this.#process.later(RECONNECT_MS * 4, () => this.#connect());
      return;
    }
    const lease = this.#lease;
    const connection: Connection = {
      partition: this.#partition,
      lease,
      isAccepted: false,
      onConnack: () => this.#process.fromBroker(() => this.#publish()),
      onClosed: () =>
        this.#process.fromBroker(() => {
          if (this.#connection !== connection) return;
          this.#connection = undefined;
          this.#reconnect();
        }),
    };
    this.#connection = connection;
    this.#process.writeConnect(connection);
  }

  #reconnect(): void {
    if (this.#isOver) return;
    const { variant } = this.#process;
    if (variant === 'reconnect without re-check' || variant === 'lease ignored') {
      this.#process.later(RECONNECT_MS, () => this.#connect());
      return;
    }
    const lease = this.#lease;
    this.#process.confirm(lease, this.#partition, (isOurs) => {
      if (isOurs) this.#connect();
      else this.#process.later(RECONNECT_MS * 4, () => this.#retry());
    });
  }

  #retry(): void {
    if (!this.#connection) this.#reconnect();
  }

  #publish(): void {
    if (this.#isOver || !this.#connection?.isAccepted || !this.#mayWrite()) return;
    this.#process.writePublish(this.#connection);
  }

  #publishNowAndThen(): void {
    if (this.#isOver) return;
    this.#publish();
    this.#process.later(PUBLISH_MS, () => this.#publishNowAndThen());
  }
}

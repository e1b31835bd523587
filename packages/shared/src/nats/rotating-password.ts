import { readFileSync } from 'node:fs';
import type { Logger } from '../logging/index.ts';

/**
 * The password of a file that may change at any time. It is read for each attempt to connect. A server that has not been
 * told of a new one yet still takes the old one: while they differ, they are offered by turns.
 */
export class RotatingPassword {
  readonly #path: string;
  readonly #log: Logger;
  #offered: string | undefined;
  /** What the server took last. */
  #accepted: string | undefined;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** What to try now. Never throws: the client library would give up for good. */
  offer(): string {
    const written = this.#read();
    const isRefused = this.#offered === written && this.#accepted !== undefined && this.#accepted !== written;
    this.#offered = isRefused ? this.#accepted : written;
    return this.#offered ?? '';
  }

  /** The server has taken what was offered last. */
  accepted(): void {
    if (this.#accepted !== undefined && this.#accepted !== this.#offered) {
      this.#log.info({ path: this.#path }, 'the NATS password has changed');
    }
    this.#accepted = this.#offered;
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8').trim();
    } catch (error) {
      this.#log.warn({ err: error, path: this.#path }, 'cannot read the NATS password: trying the last one');
      return this.#accepted;
    }
  }
}

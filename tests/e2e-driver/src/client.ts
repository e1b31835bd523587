import { randomUUID } from 'node:crypto';
import type { DriverMethods, DriverRequest, DriverResponse } from './protocol.ts';

export interface DriverLink {
  send(line: string): void;
  close(): void;
}

/** A new connection to the driver. `onClose` says why, once, also when it cannot be made. */
export type Connect = (onLine: (line: string) => void, onClose: (reason: string) => void) => DriverLink;

/** What the driver answered that it could not do, or that it did not answer. */
export class DriverError extends Error {
  override readonly name = 'DriverError';
}

interface Pending {
  readonly line: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type ParametersOf<Method extends keyof DriverMethods> = Parameters<DriverMethods[Method]>;

const ANSWER_TIMEOUT_MS = 120_000;
const RECONNECT_MS = 500;

/** Asks the driver, over connections that may break: what is not answered then is asked again. */
export class DriverClient {
  readonly #connect: Connect;
  readonly #onBroken: (reason: string) => void;
  readonly #pending = new Map<string, Pending>();
  #link: DriverLink | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connect: Connect, onBroken: (reason: string) => void = () => undefined) {
    this.#connect = connect;
    this.#onBroken = onBroken;
  }

  /**
   * @throws {DriverError} what the driver says, or that it did not answer within two minutes, or within the request's own
   * deadline and those
   */
  async call<Method extends keyof DriverMethods>(
    method: Method,
    ...params: ParametersOf<Method>
  ): Promise<Awaited<ReturnType<DriverMethods[Method]>>> {
    if (this.#closed) throw new DriverError('the driver is not there any more');
    const request: DriverRequest = { id: randomUUID(), method, params: params[0] };
    const timeoutMs = ANSWER_TIMEOUT_MS + deadlineOf(request.params);
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(request.id, { line: JSON.stringify(request), resolve, reject });
    });
    const timer = setTimeout(
      () => this.#settle(request.id)?.reject(new DriverError(`${method}: no answer in ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    try {
      this.#send(request.id);
      return (await answer) as Awaited<ReturnType<DriverMethods[Method]>>;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    this.#link?.close();
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(new DriverError('closed'));
  }

  #send(id: string): void {
    if (this.#link) this.#link.send(this.#pending.get(id)?.line ?? '');
    else if (this.#reconnect === undefined) this.#open();
  }

  #open(): void {
    this.#reconnect = undefined;
    let link: DriverLink | undefined;
    const onClose = (reason: string) => {
      if (this.#closed || (link !== undefined && this.#link !== link)) return;
      this.#link = undefined;
      this.#onBroken(reason);
      this.#reconnect = setTimeout(() => this.#open(), RECONNECT_MS);
    };
    link = this.#connect((line) => this.#take(line), onClose);
    this.#link = link;
    for (const { line } of this.#pending.values()) link.send(line);
  }

  #take(line: string): void {
    const response = JSON.parse(line) as DriverResponse;
    const pending = this.#settle(response.id);
    if ('error' in response) pending?.reject(new DriverError(response.error));
    else pending?.resolve(response.result);
  }

  #settle(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}

function deadlineOf(params: unknown): number {
  const { timeoutMs = 0 } = (params ?? {}) as { timeoutMs?: number };
  return timeoutMs;
}

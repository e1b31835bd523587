/**
 * One request for all who ask at the same time. Everybody gets an answer to a request that was sent after they asked: who
 * comes while one is under way shares the next one.
 */
export class SharedRequest<T> {
  readonly #request: () => Promise<T>;
  #current: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(request: () => Promise<T>) {
    this.#request = request;
  }

  get(): Promise<T> {
    if (!this.#current) return this.#send();
    this.#next ??= this.#current.then(
      () => this.#sendNext(),
      () => this.#sendNext(),
    );
    return this.#next;
  }

  #sendNext(): Promise<T> {
    this.#next = undefined;
    return this.#send();
  }

  #send(): Promise<T> {
    const current = this.#request();
    this.#current = current;
    const done = () => {
      if (this.#current === current) this.#current = undefined;
    };
    current.then(done, done);
    return current;
  }
}

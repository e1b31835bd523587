import { setTimeout as pause } from 'node:timers/promises';
import { TestingError } from './errors.ts';
import { describeExit, type ProcessExit, type WaitForLineOptions } from './running-process.ts';

export interface OutputLinesOptions {
  /** Whose they are, for error messages. */
  readonly name: string;
  /** How many lines are kept. Default 5,000; older ones are forgotten. */
  readonly maxLines?: number | undefined;
  /** Gets every line as it comes. */
  readonly onLine?: ((line: string) => void) | undefined;
  readonly ended: () => ProcessExit | undefined;
}

/** What a program has said. */
export class OutputLines {
  readonly kept: string[] = [];
  readonly #options: OutputLinesOptions;
  #count = 0;

  constructor(options: OutputLinesOptions) {
    this.#options = options;
  }

  /** Forgotten ones included. */
  get count(): number {
    return this.#count;
  }

  add(line: string): void {
    const { maxLines = 5_000, onLine } = this.#options;
    this.#count += 1;
    this.kept.push(line);
    onLine?.(line);
    if (this.kept.length > maxLines) this.kept.shift();
  }

  /** As {@link RunningProcess.waitForLine}. */
  async waitFor(pattern: RegExp, options: WaitForLineOptions = {}): Promise<RegExpMatchArray> {
    const { timeoutMs = 10_000, fromLine = 0 } = options;
    const deadline = performance.now() + timeoutMs;
    let position = fromLine;
    for (;;) {
      const ended = this.#options.ended();
      const kept = this.kept.slice(Math.max(0, position - (this.#count - this.kept.length)));
      position = this.#count;
      for (const line of kept) {
        const match = line.match(pattern);
        if (match) return match;
      }
      if (ended) throw this.#failure('PROCESS_EXITED', `ended (${describeExit(ended)}) without a line ${pattern}`);
      if (performance.now() >= deadline) throw this.#failure('WAIT_TIMEOUT', `no line ${pattern} in ${timeoutMs} ms`);
      await pause(5);
    }
  }

  throwIfEnded(): void {
    const ended = this.#options.ended();
    if (ended) throw this.#failure('PROCESS_EXITED', `ended (${describeExit(ended)})`);
  }

  #failure(code: 'PROCESS_EXITED' | 'WAIT_TIMEOUT', what: string): TestingError {
    const last = this.kept.slice(-20);
    return new TestingError(code, [`${this.#options.name}: ${what}; its last lines:`, ...last].join('\n  '));
  }
}

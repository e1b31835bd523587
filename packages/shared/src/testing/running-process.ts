import { setTimeout as pause } from 'node:timers/promises';

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export function describeExit(exit: ProcessExit): string {
  return exit.signal ?? `code ${exit.code}`;
}

/** A program that a test has started, as a process or as a container, with its output captured. */
export interface RunningProcess {
  readonly name: string;
  /** Resolves when it has ended and its output is complete; never rejects. */
  readonly exit: Promise<ProcessExit>;
  /** As this machine counts, also of a container's first process. */
  readonly pid: number;
  /** Undefined while it runs. */
  readonly ended: ProcessExit | undefined;
  /** The latest lines of standard output and standard error, in the order they came. */
  readonly lines: readonly string[];
  /** How many lines there were so far, forgotten ones included: a position for {@link waitForLine}. */
  readonly lineCount: number;
  /**
   * The first match in the lines from number `fromLine` (default 0, the first one) on, kept or still to come.
   * @throws {TestingError} `PROCESS_EXITED` when it ends without it; `WAIT_TIMEOUT` after `timeoutMs` (default 10,000).
   * Both quote the last lines.
   */
  waitForLine(pattern: RegExp, options?: WaitForLineOptions): Promise<RegExpMatchArray>;
  /** Sends a signal; does not wait. One that has ended takes none, and that is no error. */
  kill(signal?: NodeJS.Signals): void;
  /** It stands still, its connections open, until {@link resume}. */
  pause(): Promise<void>;
  resume(): void;
  /** @throws {TestingError} `PROCESS_EXITED`, quoting the last lines, when it has ended. */
  throwIfEnded(): void;
  /** `signal` (default SIGTERM), after `graceMs` (default 5,000) SIGKILL. The exit tells which of the two it was. */
  stop(options?: StopProcessOptions): Promise<ProcessExit>;
}

export interface WaitForLineOptions {
  readonly timeoutMs?: number;
  readonly fromLine?: number;
}

export interface StopProcessOptions {
  readonly signal?: NodeJS.Signals;
  readonly graceMs?: number;
}

/** What every {@link RunningProcess.stop} does. */
export async function endWithin(
  process: Pick<RunningProcess, 'exit' | 'kill'>,
  { signal = 'SIGTERM', graceMs = 5_000 }: StopProcessOptions,
): Promise<ProcessExit> {
  process.kill(signal);
  const abort = new AbortController();
  const grace = pause(graceMs, undefined, { signal: abort.signal }).then(
    () => process.kill('SIGKILL'),
    () => undefined,
  );
  const exit = await Promise.race([process.exit, grace.then(() => process.exit)]);
  abort.abort();
  return exit;
}

import type { IngestClient } from '@gatecast/local-stack';
import type { Accepted } from '../checker/index.ts';
import { between, type Random } from './random.ts';
import { sleep } from './sleep.ts';

export interface Pace {
  /** Readings of one request. */
  readonly perRequest: number;
  /** Mean time from one request to the next, ms; each is up to a quarter longer or shorter. */
  readonly intervalMs: number;
}

/** Where readings go; a client of sensor-ingest. */
export interface IngestPort {
  send(request: Parameters<IngestClient['send']>[0]): Promise<{
    readonly status: number;
    readonly body?: { readonly code?: string };
  }>;
}

export interface GatewayLoadOptions {
  readonly gatewayId: string;
  readonly token: string;
  readonly pace: Pace;
  readonly random: Random;
  /** Any of them takes a request. */
  readonly ingests: () => readonly IngestPort[];
}

const SENSOR = '3002FA';
/** One sensor's readings are told apart by their time: each is a second later than the one before. */
const HORIZON_SECONDS = 1_000_000;
const ANSWER_TIMEOUT_MS = 5_000;
const RETRY_MS = 100;
const NO_ANSWER = 'no answer';

/**
 * One gateway that sends numbered readings, and sends each request again, byte by byte the same, until it is accepted:
 * what a real one does, which has to keep what was not taken.
 */
export class GatewayLoad {
  readonly accepted: Accepted[] = [];
  /** Sent and not yet, or never, answered. */
  uncertain: number[] = [];
  /** Answers other than 202, by their code, and requests without an answer. */
  readonly refusals = new Map<string, number>();
  token: string;
  readonly #options: GatewayLoadOptions;
  /** With which token a reading was accepted. */
  readonly #tokens = new Map<number, string>();
  readonly #start = Math.floor(Date.now() / 1000) - HORIZON_SECONDS;
  #next = 1;
  #attempts = 0;

  constructor(options: GatewayLoadOptions) {
    this.#options = options;
    this.token = options.token;
  }

  get gatewayId(): string {
    return this.#options.gatewayId;
  }

  /** Sends until `stop` is aborted, then finishes the request under way unless `giveUp` is aborted. */
  async run(stop: AbortSignal, giveUp: AbortSignal): Promise<void> {
    const { pace, random } = this.#options;
    await sleep(random() * pace.intervalMs, stop);
    while (!stop.aborted) {
      const began = performance.now();
      await this.send(pace.perRequest, giveUp);
      const interval = pace.intervalMs * between(random, 0.75, 1.25);
      await sleep(interval - (performance.now() - began), stop);
    }
  }

  /** One request of so many readings, until it is accepted or given up. */
  async send(count: number, giveUp: AbortSignal): Promise<void> {
    const numbers = Array.from({ length: count }, (_, index) => this.#next + index);
    this.#next += count;
    const measurements = numbers.map((n) => ({
      sensorId: SENSOR,
      time: this.#start + n,
      values: { n: String(n) },
    }));
    const body = JSON.stringify({ measurements });
    this.uncertain.push(...numbers);
    const sent = now();
    while (!giveUp.aborted) {
      const { token } = this;
      const refusal = await this.#refusal(body, token);
      if (refusal === undefined) {
        for (const n of numbers) this.#tokens.set(n, token);
        const time = now();
        this.accepted.push(...numbers.map((n) => ({ n, sent, time })));
        const answered = new Set(numbers);
        this.uncertain = this.uncertain.filter((n) => !answered.has(n));
        return;
      }
      this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
      await sleep(RETRY_MS, giveUp);
    }
  }

  /** What was accepted and `isGone` need not arrive: the gateway was deleted, or the message set aside. */
  forgive(isGone: (n: number) => boolean): void {
    const gone = this.accepted.filter(({ n }) => isGone(n));
    this.uncertain.push(...gone.map(({ n }) => n));
    const forgiven = new Set(gone);
    this.accepted.splice(0, this.accepted.length, ...this.accepted.filter((reading) => !forgiven.has(reading)));
  }

  /** Whether it was accepted with a token that is not the gateway's any more. */
  isOfFormerLife(n: number): boolean {
    return this.#tokens.get(n) !== this.token;
  }

  /** Why it was not accepted; undefined when it was. */
  async #refusal(body: string, token: string): Promise<string | undefined> {
    const { gatewayId, ingests } = this.#options;
    const choices = ingests();
    const ingest = choices[this.#attempts++ % choices.length];
    if (!ingest) return NO_ANSWER;
    try {
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const answer = await ingest.send({ gatewayId, token, body, signal });
      return answer.status === 202 ? undefined : (answer.body?.code ?? String(answer.status));
    } catch {
      return NO_ANSWER; // the same request again is no repeat
    }
  }
}

/** Ms since the epoch, never running backwards. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

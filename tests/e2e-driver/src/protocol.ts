import type { DuplicateBound, Totals } from '@gatecast/delivery-check/checker';
import type { Pace } from '@gatecast/delivery-check/load';
import type { LatencySummary } from '@gatecast/delivery-check/statistics';
import type { IntegrationWrite } from '@gatecast/local-stack';

/*
 * What the runner of the tests and the driver beside the services say to each other: one JSON object a line. The runner
 * asks `{id, method, params}`; the driver answers `{id, result}` or `{id, error}`. An id that comes again, after a broken
 * connection, gets the answer of the first time.
 */

export interface DriverRequest {
  readonly id: string;
  readonly method: string;
  readonly params: unknown;
}

export type DriverResponse =
  | { readonly id: string; readonly result: unknown }
  | { readonly id: string; readonly error: string };

export interface OpenRun {
  /** Base URLs of config-api and sensor-ingest. */
  readonly apiUrl: string;
  readonly ingestUrl: string;
  readonly apiKey: string;
  readonly seed: number;
  /** By name. What they forward is collected. */
  readonly brokers: Readonly<Record<string, { url: string; username?: string; password?: string }>>;
}

export interface GatewaySetup {
  readonly gatewayId: string;
  /** Gateways of one group are measured together. */
  readonly group: string;
  /** Default: the default fleet. */
  readonly fleet?: string;
  readonly mqtt: IntegrationWrite;
  readonly qos: 0 | 1 | 2;
  readonly pace: Pace;
}

export interface Progress {
  readonly accepted: number;
  /** Different readings that have come. */
  readonly delivered: number;
}

export interface GroupPromises {
  /** Longest time in which readings of a gateway wait and none comes, ms. */
  readonly worstGapMs?: number | undefined;
}

export interface VerdictRequest {
  readonly duplicates: DuplicateBound;
  readonly promises: GroupPromises;
  /** In place of `promises`. */
  readonly groups?: Readonly<Record<string, GroupPromises>>;
}

/** From the first sending of a reading to its delivery, of one group, sent in one phase. */
export interface PhaseLatency extends LatencySummary {
  readonly phase: string;
  readonly group: string;
}

export interface Verdict {
  readonly totals: Totals;
  readonly duplicatesAllowed: number;
  readonly broken: readonly string[];
  readonly latency: readonly PhaseLatency[];
  /** Answers of sensor-ingest other than 202, by their code, and requests without one. */
  readonly refusals: Readonly<Record<string, number>>;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Of any status: a refusal is an answer. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Every wait has a deadline, ms, after which it fails and says what it was waiting for. */
export interface DriverMethods {
  /** Begins a new run, and forgets the one before. */
  open(run: OpenRun): Promise<void>;
  /** Registers gateways, as soon as the API answers; resolves when all are connected to their brokers. */
  register(request: { gateways: readonly GatewaySetup[]; timeoutMs: number }): Promise<void>;
  /** Gateways that do not send yet begin to; those of a group, or all. */
  start(request?: { group?: string }): Promise<void>;
  /** They finish their requests, and send nothing more. */
  stop(request?: { group?: string }): Promise<void>;
  /** Waits until so many more readings of each gateway that sends, of all or of a group, are accepted and have come. */
  flowing(request: { more: number; group?: string; timeoutMs: number }): Promise<void>;
  /** Waits until everything accepted has arrived; of a group, or of all gateways. */
  allArrived(request: { group?: string; timeoutMs: number }): Promise<void>;
  /** Waits until gateways are connected to their brokers; those of a group, or all. */
  connected(request: { group?: string; timeoutMs: number }): Promise<void>;
  /** A phase begins; the one before ends. */
  phase(request: { name: string }): Promise<void>;
  progress(): Promise<Progress>;
  /** Which publisher serves each gateway, by its status. */
  owners(): Promise<Record<string, string | undefined>>;
  /** Moves gateways to another fleet; resolves when they have arrived there. */
  move(request: { gatewayIds: readonly string[]; fleet: string; timeoutMs: number }): Promise<void>;
  verdict(request: VerdictRequest): Promise<Verdict>;
  /** Deletes the run's gateways. */
  unregister(): Promise<void>;
  /** Any request to config-api. */
  api(request: ApiRequest): Promise<ApiAnswer>;
}

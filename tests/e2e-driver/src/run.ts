import {
  brokenPromises,
  checkGateway,
  duplicatesAllowed,
  type GatewayEvidence,
  latencies,
  totalsOf,
} from '@gatecast/delivery-check/checker';
import { DeliveryCollector, DeliveryLog } from '@gatecast/delivery-check/deliveries';
import { Load } from '@gatecast/delivery-check/load';
import { summariseLatency } from '@gatecast/delivery-check/statistics';
import { ApiClient, IngestClient } from '@gatecast/local-stack';
import { waitFor } from '@gatecast/shared/testing';
import { Gateways, type RunGateway } from './gateways.ts';
import type { OpenRun, PhaseLatency, Progress, Verdict, VerdictRequest } from './protocol.ts';

interface Phase {
  readonly name: string;
  readonly from: number;
}

const POLL_MS = 100;

/** One measured run: its gateways, what they sent, and what came of it at the brokers. */
export class Run {
  readonly api: ApiClient;
  readonly gateways: Gateways;
  readonly #collectors: readonly DeliveryCollector[];
  readonly #deliveries: DeliveryLog;
  /** By group. */
  readonly #loads: { readonly group: string; readonly load: Load; running: boolean }[] = [];
  readonly #phases: Phase[] = [];

  private constructor(options: OpenRun, collectors: readonly DeliveryCollector[], deliveries: DeliveryLog) {
    this.api = new ApiClient({ baseUrl: options.apiUrl, apiKey: options.apiKey });
    const ingest = new IngestClient(options.ingestUrl);
    this.gateways = new Gateways({ api: this.api, ingest, seed: options.seed });
    this.#collectors = collectors;
    this.#deliveries = deliveries;
  }

  /** Resolves when it has subscribed at every broker. @throws {TestingError} `WAIT_TIMEOUT` */
  static async open(options: OpenRun): Promise<Run> {
    const deliveries = new DeliveryLog();
    const collectors: DeliveryCollector[] = [];
    try {
      for (const broker of Object.values(options.brokers)) {
        collectors.push(await DeliveryCollector.start(broker, deliveries));
      }
    } catch (error) {
      await Promise.allSettled(collectors.map((collector) => collector.stop()));
      throw error;
    }
    return new Run(options, collectors, deliveries);
  }

  start(group?: string): void {
    const sending = new Set(this.#loads.flatMap(({ load }) => load.gateways));
    const waiting = this.gateways.of(group).filter(({ load }) => !sending.has(load));
    for (const [name, gateways] of Map.groupBy(waiting, ({ setup }) => setup.group)) {
      const load = new Load(gateways.map((gateway) => gateway.load));
      this.#loads.push({ group: name, load, running: true });
      load.start();
    }
  }

  async stop(group?: string): Promise<void> {
    const stopping = this.#loads.filter((one) => one.running && (group === undefined || one.group === group));
    for (const one of stopping) one.running = false;
    await Promise.all(stopping.map(({ load }) => load.stop()));
  }

  async flowing(more: number, timeoutMs: number, group?: string): Promise<void> {
    const running = this.#loads.filter((one) => one.running && (group === undefined || one.group === group));
    const sending = new Set(running.flatMap(({ load }) => load.gateways));
    const gateways = this.gateways.all.filter(({ load }) => sending.has(load));
    const goals = new Map(gateways.map(({ load }) => [load, load.accepted.length + more]));
    await this.#untilNone(gateways, 'to flow', timeoutMs, ({ load }) => {
      const reading = load.accepted[(goals.get(load) ?? 0) - 1];
      return reading === undefined || !this.#deliveries.has(load.gatewayId, reading.n);
    });
  }

  async allArrived(timeoutMs: number, group?: string): Promise<void> {
    await this.#untilNone(this.gateways.of(group), 'to arrive', timeoutMs, ({ load }) =>
      load.accepted.some(({ n }) => !this.#deliveries.has(load.gatewayId, n)),
    );
  }

  phase(name: string): void {
    this.#phases.push({ name, from: performance.timeOrigin + performance.now() });
  }

  progress(): Progress {
    this.#pull();
    const sum = (of: (gateway: RunGateway) => number) => this.gateways.all.reduce((total, one) => total + of(one), 0);
    return {
      accepted: sum(({ load }) => load.accepted.length),
      delivered: sum(({ load }) => this.#deliveries.count(load.gatewayId)),
    };
  }

  async verdict({ duplicates, promises, groups = {} }: VerdictRequest): Promise<Verdict> {
    const judged = (await this.#evidence()).map(({ evidence, group }) => {
      const findings = checkGateway(evidence);
      return { findings, broken: brokenPromises(findings, { duplicates, ...(groups[group] ?? promises) }) };
    });
    const findings = judged.map((one) => one.findings);
    return {
      totals: totalsOf(findings),
      duplicatesAllowed: findings.reduce((sum, { qos }) => sum + duplicatesAllowed(qos, duplicates), 0),
      broken: judged.flatMap(({ broken }) => broken),
      latency: this.#latency(),
      refusals: this.#refusals(),
    };
  }

  async close(): Promise<void> {
    await this.stop();
    await Promise.allSettled(this.#collectors.map((collector) => collector.stop()));
  }

  #refusals(): Record<string, number> {
    const all = this.gateways.all.flatMap(({ load }) => [...load.refusals]);
    const byReason = Map.groupBy(all, ([reason]) => reason);
    return Object.fromEntries(
      [...byReason].map(([reason, counts]) => [reason, counts.reduce((sum, [, count]) => sum + count, 0)]),
    );
  }

  #latency(): PhaseLatency[] {
    const groups = Map.groupBy(this.gateways.all, ({ setup }) => setup.group);
    return this.#phases.flatMap(({ name, from }, index) => {
      const to = this.#phases[index + 1]?.from ?? Number.POSITIVE_INFINITY;
      return [...groups].map(([group, gateways]) => {
        const all = gateways.flatMap(({ load: { gatewayId, accepted } }) =>
          latencies(accepted, this.#deliveries.arrivals(gatewayId), { from, to }),
        );
        return { phase: name, group, ...summariseLatency(all) };
      });
    });
  }

  /** Readings counted as lost are asked of the API. */
  async #evidence(): Promise<{ group: string; evidence: GatewayEvidence }[]> {
    this.#pull();
    const statuses = new Map(await this.gateways.statuses());
    return this.gateways.all.map(({ setup: { gatewayId, group, qos }, load }) => ({
      group,
      evidence: {
        gatewayId,
        qos,
        accepted: load.accepted,
        uncertain: load.uncertain,
        delivered: this.#deliveries.arrivals(gatewayId),
        sessions: undefined,
        lost: statuses.get(gatewayId)?.backlog.lost ?? 0,
      },
    }));
  }

  async #untilNone(
    gateways: readonly RunGateway[],
    what: string,
    timeoutMs: number,
    isWaiting: (gateway: RunGateway) => boolean,
  ): Promise<void> {
    const waiting = () => {
      this.#pull();
      return gateways.filter(isWaiting);
    };
    const describe = () => {
      const names = waiting().map(({ load }) => load.gatewayId);
      return `readings of ${names.length} gateways ${what}, ${names.slice(0, 5)} among them`;
    };
    await waitFor(() => waiting().length === 0, { timeoutMs, intervalMs: POLL_MS, describe });
  }

  #pull(): void {
    for (const collector of this.#collectors) collector.pull();
  }
}

import type { Promises } from '@gatecast/delivery-check/checker';
import type { Pace } from '@gatecast/delivery-check/load';
import type { IntegrationWrite, LocalStackOptions } from '@gatecast/local-stack';
import type { Capabilities } from '@gatecast/shared/testing';
import type { ScenarioRun } from './scenario-run.ts';

export const GROUPS = ['processes', 'nats', 'brokers', 'data', 'changes', 'qos2'] as const;
export type Group = (typeof GROUPS)[number];

/** A broker and the gateways that send to it. */
export interface BrokerSetup {
  /** `mosquitto` is the real one; `faultable` shows its connections and misbehaves as told. Default `faultable`. */
  readonly kind?: 'faultable' | 'mosquitto';
  /** Default 12. */
  readonly gateways?: number;
  /** Default 1. */
  readonly qos?: 0 | 1 | 2;
  /** More settings of their integrations. */
  readonly mqtt?: IntegrationWrite;
  /** Default: two readings a request, every 100 ms. `idle`: nothing but what the scenario sends. */
  readonly pace?: Pace | 'idle';
  /** What a faultable one says in CONNACK. */
  readonly capabilities?: Capabilities;
  /** Default: the default fleet. */
  readonly fleet?: string;
  /** Of its gateways, in place of the scenario's: what the trouble of others must not cost them. */
  readonly promises?: ScenarioPromises;
}

export interface Setup extends Pick<LocalStackOptions, 'instances' | 'env' | 'proxied' | 'natsServers' | 'nats'> {
  /** Default: a single faultable one. */
  readonly brokers?: readonly BrokerSetup[];
  /** Fleets beside the default one, each with so many publishers. */
  readonly fleets?: Readonly<Record<string, number>>;
  /** For everything, from the start of the processes to the last check, ms. Default 150,000. */
  readonly deadlineMs?: number;
  /** How long after the load everything may take to arrive, ms. Default 60,000. */
  readonly settleMs?: number;
}

/** What this scenario promises beyond what all do: nothing missing, nothing out of order, no former owner. */
export type ScenarioPromises = Omit<Promises, 'duplicates'>;

export interface Scenario {
  readonly name: string;
  readonly group: Group;
  /** What happens, in one line, for tables. */
  readonly title: string;
  /** Part of `npm test`. */
  readonly short?: true;
  readonly setup?: Setup;
  readonly promises?: ScenarioPromises;
  /**
   * Does the damage, under load. Says by `run.crashed()`, `run.sessionLost()` and
   * `run.brokerForgot()` what may cost duplicates.
   */
  faults(run: ScenarioRun): Promise<void>;
}

/** Lease of the services under test, ms. */
export const LEASE_TTL_MS = 3_000;
/** DESIGN's target: the longest pause of a gateway whose owner dies. */
export const TAKEOVER_MS = LEASE_TTL_MS + 1_000;
/** The longest pause of a gateway that is handed over as planned. */
export const HANDOVER_MS = 1_000;
/** In-flight messages of a gateway by default. */
export const WINDOW = 20;
/** The publisher's default. */
export const WINDOWS_BEYOND_RECORD = 4;

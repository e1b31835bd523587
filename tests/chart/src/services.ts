import type { TObject } from 'typebox';
import { ApiConfig, STOP_DEADLINE_MS as apiStopDeadlineMs } from '../../../services/config-api/src/config.ts';
import { EncoderConfig, STOP_DEADLINE_MS as encoderStopDeadlineMs } from '../../../services/encoder/src/config.ts';
import {
  PublisherConfig,
  STOP_DEADLINE_MS as publisherStopDeadlineMs,
} from '../../../services/mqtt-publisher/src/config.ts';
import { IngestConfig, STOP_DEADLINE_MS as ingestStopDeadlineMs } from '../../../services/sensor-ingest/src/config.ts';
import type { Container } from './kubernetes.ts';

/** What the chart has to know of a service, from the service itself. */
export interface ServiceContract {
  readonly schema: TObject;
  /** How long a stop may take after SIGTERM, ms. */
  readonly stopDeadlineMs: number;
  /** Whether it answers requests of others on its port `http`. */
  readonly isServer: boolean;
}

export const services: ReadonlyMap<string, ServiceContract> = new Map([
  ['config-api', { schema: ApiConfig, stopDeadlineMs: apiStopDeadlineMs, isServer: true }],
  ['sensor-ingest', { schema: IngestConfig, stopDeadlineMs: ingestStopDeadlineMs, isServer: true }],
  ['encoder', { schema: EncoderConfig, stopDeadlineMs: encoderStopDeadlineMs, isServer: false }],
  ['mqtt-publisher', { schema: PublisherConfig, stopDeadlineMs: publisherStopDeadlineMs, isServer: false }],
]);

/**
 * Name of the Gatecast service that a container runs, by its image; undefined for other images, and where one of ours
 * runs something else (a test pod's script).
 */
export function serviceOf({ image = '', command = [], args = [] }: Container): string | undefined {
  const name = /([^/:@]+)(?:[:@][^/]*)?$/.exec(image)?.[1] ?? '';
  if (!services.has(name)) return undefined;
  const words = [...command, ...args];
  return words.length === 0 || words.some((word) => word.endsWith('main.js')) ? name : undefined;
}

/** @throws {Error} for what is no service of Gatecast */
export function contractOf(service: string): ServiceContract {
  const contract = services.get(service);
  if (contract === undefined) throw new Error(`there is no service ${service}`);
  return contract;
}

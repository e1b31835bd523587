import { encodeBatch } from '@gatecast/shared/outbox';
import type { Batch } from '../../src/domain/batch.ts';

export interface BatchOptions {
  gatewayId?: string;
  origin?: Batch['origin'];
  /** Default: the counter of its first message. */
  sequence?: number;
  incarnation?: string;
  /** Revision of the integration that it was encoded by. Default 1. */
  settings?: number;
  trace?: Batch['trace'];
  /** When its stream stored it. Default 0. */
  storedAt?: number;
  /** Last step of the source in it: above 1 there are readings. Default 2. */
  part?: number;
}

/** A batch of the messages `first` … `last`; the payload of message n is `n`. */
export function batchOf(first: number, last: number, options: BatchOptions = {}): Batch {
  const { gatewayId = 'gw-1', origin = 'outbox', sequence = first, incarnation = 'first', settings = 1 } = options;
  const count = last - first + 1;
  const { storedAt = 0, part = 2 } = options;
  const source = { sequence, part, parts: part };
  const messages = Array.from({ length: count }, (_, index) => ({
    topic: `Aranet/${gatewayId}/sensors/S1/json/measurements`,
    payload: Buffer.from(String(first + index)),
    retain: false,
  }));
  return {
    gatewayId,
    origin,
    sequence,
    storedAt,
    headers: { incarnation, source, settings, first, count },
    first,
    last,
    data: encodeBatch(messages),
    messages,
    trace: options.trace,
    inBacklog: false,
    sentAt: undefined,
  };
}

/** 1 … n */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1);
}

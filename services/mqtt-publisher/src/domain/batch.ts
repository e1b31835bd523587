import type { BatchHeaders } from '@gatecast/shared/nats';
import type { MqttMessage } from '@gatecast/shared/outbox';

/** A batch of one gateway's messages as it came from OUTBOX, or back from BACKLOG. */
export interface Batch {
  readonly gatewayId: string;
  readonly origin: 'outbox' | 'backlog';
  /** Sequence in the stream that it came from. */
  readonly sequence: number;
  /** When that stream stored it, ms since the epoch. */
  readonly storedAt: number;
  readonly headers: BatchHeaders;
  /** Counter of its first and last message. */
  readonly first: number;
  readonly last: number;
  /** As stored, so that it can be moved without being encoded again. */
  readonly data: Uint8Array;
  readonly messages: readonly MqttMessage[];
  /** W3C trace context that it was published in. */
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | undefined;
  /** Whether it is in BACKLOG, confirmed: the moving line need not keep it any longer. */
  inBacklog: boolean;
  /** When its first message was sent to the broker, ms since the epoch. */
  sentAt: number | undefined;
}

/** Step of a source that is its metadata; those above it are readings. */
const METADATA_STEP = 1;

/** Whether the gateway itself has sent something. Metadata alone says nothing: config-api sends some after a change. */
export function isSignOfLife({ headers }: Batch): boolean {
  return headers.source.part > METADATA_STEP;
}

import { isSampled } from '@gatecast/shared/telemetry';
import { context as otelContext, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { Counter, Histogram, type Registry } from '@prometheus-io/client';
import type { DeliveryObserver } from '../application/context.ts';
import type { Batch } from '../domain/batch.ts';

const tracer = trace.getTracer('gatecast-mqtt-publisher');

/** Counts what happens to messages, and closes a sampled batch's trace with the span of its publish. */
export function createDeliveryObserver(registry: Registry): DeliveryObserver {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `gatecast_publisher_${name}_total`, help, labelNames, registers });
  const delivered = counter('messages_delivered', 'Messages acknowledged by their broker.', []);
  const batches = counter('batches_delivered', 'Batches whose last message was acknowledged.', []);
  const repeated = counter('messages_repeated', 'Messages read again that were handled before.', []);
  const uncertain = counter('messages_uncertain', 'QoS 2 messages sent again because the broker lost its session.', []);
  const unproven = counter('messages_unproven', 'QoS 2 messages released in a session that may be a new one.', []);
  const lost = counter('messages_lost', 'Messages lost to limits of the waiting room.', []);
  const dropped = counter('messages_dropped', 'Messages that belong to nobody any more.', ['reason']);
  const deadLettered = counter('messages_dead_lettered', 'Messages set aside because the broker refuses them.', [
    'reason',
  ]);
  const moved = counter('backlog_messages_moved', 'Messages moved to the waiting room.', []);
  const refused = counter('backlog_messages_refused', 'Messages that the full waiting room did not take.', []);
  const downgraded = counter('messages_downgraded', 'Messages published with less than the settings ask for.', [
    'limit',
  ]);
  const turns = new Histogram({
    name: 'gatecast_publisher_connect_wait_seconds',
    help: 'Time that attempts to connect waited for their turn.',
    buckets: [0.001, 0.1, 1, 5, 15, 60, 300],
    registers,
  });
  const attempts = counter('connect_attempts', 'Attempts to connect to brokers.', ['result']);
  const ended = counter('sessions_ended', 'Sessions that ended unasked.', ['reason']);
  const records = counter('checkpoint_writes', 'Writes of partition checkpoints.', []);
  const movedGateways = counter('gateways_moved', 'Gateways given to other fleets, and taken over from them.', [
    'direction',
  ]);
  const purges = counter('purge_runs', 'Looks for settled messages to purge from the streams that succeeded.', []);
  const failedPurges = counter('purge_failures', 'Looks that failed.', []);
  return {
    messageDelivered: () => delivered.inc(),
    batchDelivered(batch) {
      batches.inc();
      endTrace(batch);
    },
    repeated: (messages) => repeated.inc(messages),
    uncertain: (messages) => uncertain.inc(messages),
    unproven: (messages) => unproven.inc(messages),
    lost: (messages) => lost.inc(messages),
    dropped: (reason, messages) => dropped.inc({ reason }, messages),
    deadLettered: (reason) => deadLettered.inc({ reason }),
    movedToBacklog: (messages) => moved.inc(messages),
    backlogRefused: (messages) => refused.inc(messages),
    downgraded: (limit) => downgraded.inc({ limit }),
    turnAwaited: (ms) => turns.observe(ms / 1000),
    connectAttempt: (result) => attempts.inc({ result }),
    sessionEnded: (reason) => ended.inc({ reason }),
    recordWritten: () => records.inc(),
    moved: (direction) => movedGateways.inc({ direction }),
    purged: (result) => (result === 'ok' ? purges : failedPurges).inc(),
  };
}

/** One span for the way from the first PUBLISH to the last acknowledgement; unsampled batches cost nothing. */
function endTrace(batch: Batch): void {
  const { trace: carrier, sentAt } = batch;
  if (!carrier || sentAt === undefined) return;
  const parent = propagation.extract(ROOT_CONTEXT, carrier);
  if (!isSampled(parent)) return;
  const attributes = {
    'messaging.system': 'mqtt',
    'messaging.operation.type': 'send',
    'messaging.batch.message_count': batch.messages.length,
    'gatecast.gateway.id': batch.gatewayId,
    'gatecast.first': batch.first,
  };
  otelContext.with(parent, () => {
    tracer.startSpan('publish', { kind: SpanKind.PRODUCER, startTime: sentAt, attributes }).end();
  });
}

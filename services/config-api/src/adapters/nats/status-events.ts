import { GatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { StatusRecord } from '@gatecast/shared/model';
import { type Nats, STATUS_EVENTS_STREAM, subjects, translateNatsError } from '@gatecast/shared/nats';
import { DeliverPolicy, type JsMsg, type PushConsumer } from '@nats-io/jetstream';
import type { StatusEvent, StatusEvents } from '../../application/ports.ts';
import { withoutUndefined } from '../../domain/without-undefined.ts';
import { requireConnection } from './require-connection.ts';

const READ_WITHIN_MS = 5_000;

/** STATUS_EVENTS on the NATS server: each event is the status record of a transition. */
export function natsStatusEvents(nats: Nats, clock: Clock, log: Logger): StatusEvents {
  return {
    async last({ workspace, gatewayId, incarnation }, limit) {
      requireConnection(nats);
      const subject = subjects.statusEvents(workspace, gatewayId);
      const messages = await nats.untilCut(allMessagesOf(nats, STATUS_EVENTS_STREAM, subject, clock));
      const events: StatusEvent[] = [];
      for (const message of messages.toReversed()) {
        const record = parseRecord(message, log);
        if (record?.incarnation !== incarnation) continue;
        events.push(eventOf(message.seq, record));
        if (events.length === limit) break;
      }
      return events;
    },
  };
}

function eventOf(id: number, record: StatusRecord): StatusEvent {
  const { code, class: statusClass, reason, message, host, attempt, updated: time } = record;
  return withoutUndefined({ id, time, code, class: statusClass, reason, message, host, attempt });
}

function parseRecord(message: JsMsg, log: Logger): StatusRecord | undefined {
  try {
    return message.json<StatusRecord>();
  } catch (error) {
    log.warn({ err: error, sequence: message.seq }, 'a status event is not JSON, skipped');
    return undefined;
  }
}

/** Everything that is in `subject` now, oldest first. The stream keeps at most a hundred messages a subject. */
async function allMessagesOf(nats: Nats, stream: string, subject: string, clock: Clock): Promise<JsMsg[]> {
  try {
    const consumer = await nats.js.consumers.getPushConsumer(stream, {
      filter_subjects: subject,
      deliver_policy: DeliverPolicy.All,
    });
    try {
      const pending = (await consumer.info(true)).num_pending;
      return pending === 0 ? [] : await take(consumer, pending, clock);
    } finally {
      await consumer.delete();
    }
  } catch (error) {
    throw translateNatsError(error, `reading ${subject}`);
  }
}

async function take(consumer: PushConsumer, count: number, clock: Clock): Promise<JsMsg[]> {
  const received: JsMsg[] = [];
  let timer: { cancel(): void } | undefined;
  let messages: { stop(): void } | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = new GatecastError('NATS_UNAVAILABLE', 'events did not arrive in time', { retryable: true });
      timer = clock.setTimeout(() => reject(late), READ_WITHIN_MS);
      const callback = (message: JsMsg) => {
        if (received.push(message) === count) resolve();
      };
      consumer.consume({ callback }).then((started) => {
        messages = started;
      }, reject);
    });
    return received;
  } finally {
    timer?.cancel();
    messages?.stop();
  }
}

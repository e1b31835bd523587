import type { StatusRecord } from '@gatecast/shared/model';
import {
  DEADLETTER_STREAM,
  HEADER,
  type Nats,
  nextMessageOf,
  readBatchHeaders,
  STATUS_EVENTS_STREAM,
  type StoredMessage,
  subjects,
} from '@gatecast/shared/nats';
import { decodeBatch } from '@gatecast/shared/outbox';

/** Every status transition of a gateway, in order. */
export async function statusHistory(nats: Nats, gatewayId: string): Promise<StatusRecord[]> {
  const messages = await messagesOf(nats, STATUS_EVENTS_STREAM, subjects.statusEvents('default', gatewayId));
  return messages.map(({ data }) => JSON.parse(Buffer.from(data).toString()) as StatusRecord);
}

/** What the broker of a gateway would not take. */
export async function deadLetters(
  nats: Nats,
  gatewayId: string,
): Promise<{ counter: number; payload: string; reason: string | undefined }[]> {
  const messages = await messagesOf(nats, DEADLETTER_STREAM, subjects.deadletter('default', gatewayId));
  return messages.flatMap(({ headers, data }) => {
    const { first } = readBatchHeaders(headers);
    return decodeBatch(data).map(({ payload }, index) => ({
      counter: first + index,
      payload: Buffer.from(payload).toString(),
      reason: headers?.get(HEADER.reason),
    }));
  });
}

async function messagesOf(nats: Nats, stream: string, subject: string): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  for (let from = 1; ; from = (found.at(-1)?.sequence ?? 0) + 1) {
    const message = await nextMessageOf(nats, stream, subject, from);
    if (!message) return found;
    found.push(message);
  }
}

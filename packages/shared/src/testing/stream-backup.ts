import { createInbox, type NatsConnection } from '@nats-io/nats-core';

/** A stream as the server's snapshot API gives it: what `nats stream backup` writes to a directory. */
export interface StreamBackup {
  readonly stream: string;
  readonly config: object;
  readonly state: object;
  readonly chunks: readonly Uint8Array[];
}

interface SnapshotAnswer {
  readonly config: object;
  readonly state: object;
  readonly error?: { readonly description: string };
}

interface RestoreAnswer {
  readonly deliver_subject: string;
  readonly error?: { readonly description: string };
}

const API_TIMEOUT_MS = 10_000;

/** @throws {Error} what the server says */
export async function backUpStream(nats: NatsConnection, stream: string): Promise<StreamBackup> {
  const deliverSubject = createInbox();
  const chunks: Uint8Array[] = [];
  const complete = Promise.withResolvers<void>();
  const subscription = nats.subscribe(deliverSubject, {
    callback(error, message) {
      const { code = 0, description = '' } = message.headers ?? {};
      if (error) complete.reject(error);
      else if (message.data.length > 0) {
        chunks.push(message.data.slice());
        message.respond();
      } else if (code >= 400) complete.reject(new Error(`${stream}: ${code} ${description}`));
      else complete.resolve();
    },
  });
  try {
    const request = { deliver_subject: deliverSubject, no_consumers: true };
    const { config, state, error } = await ask<SnapshotAnswer>(nats, `$JS.API.STREAM.SNAPSHOT.${stream}`, request);
    if (error) throw new Error(`${stream}: ${error.description}`);
    await complete.promise;
    return { stream, config, state, chunks };
  } finally {
    subscription.unsubscribe();
  }
}

/** Makes the stream anew; there must be none of its name. @throws {Error} what the server says */
export async function restoreStream(
  nats: NatsConnection,
  { stream, config, state, chunks }: StreamBackup,
): Promise<void> {
  const subject = `$JS.API.STREAM.RESTORE.${stream}`;
  const { deliver_subject: deliverSubject, error } = await ask<RestoreAnswer>(nats, subject, { config, state });
  if (error) throw new Error(`${stream}: ${error.description}`);
  for (const chunk of chunks) await nats.request(deliverSubject, chunk, { timeout: API_TIMEOUT_MS });
  const done = await nats.request(deliverSubject, new Uint8Array(), { timeout: API_TIMEOUT_MS });
  const { error: failure } = done.json<{ error?: { description: string } }>();
  if (failure) throw new Error(`${stream}: ${failure.description}`);
}

async function ask<T>(nats: NatsConnection, subject: string, request: object): Promise<T> {
  return (await nats.request(subject, JSON.stringify(request), { timeout: API_TIMEOUT_MS })).json<T>();
}

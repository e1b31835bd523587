import type { Logger } from '@gatecast/shared/logging';
import type { Bucket, Nats } from '@gatecast/shared/nats';
import { DeliverPolicy } from '@nats-io/jetstream';

/**
 * Calls `onWrite` after each write of one key, without its value, until `signal` aborts. A hint: who needs to know asks
 * now and then besides.
 */
export async function followWrites(
  nats: Nats,
  key: { readonly bucket: Bucket; readonly name: string },
  onWrite: () => void,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const { bucket, name } = key;
  try {
    const consumer = await nats.js.consumers.getPushConsumer(`KV_${bucket}`, {
      filter_subjects: `$KV.${bucket}.${name}`,
      deliver_policy: DeliverPolicy.New,
      headers_only: true,
    });
    const callback = () => {
      if (!signal.aborted) onWrite();
    };
    const messages = await consumer.consume({ callback });
    const stop = () => messages.stop();
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  } catch (error) {
    log.warn({ err: error, bucket, key: name }, 'cannot follow the writes of a key: asking for it now and then');
  }
}

import { createLogger } from '@gatecast/shared/logging';
import { connectNats } from '@gatecast/shared/nats';
import type { LocalStack } from './local-stack.ts';

export interface StreamState {
  readonly messages: number;
  readonly lastSequence: number;
  readonly bytes: number;
}

/** How a stream stands now, as its leader says. */
export async function streamState(
  { natsAccess }: Pick<LocalStack, 'natsAccess'>,
  stream: string,
): Promise<StreamState> {
  const log = createLogger({ service: 'local-stack', instance: 'local-stack', level: 'silent' });
  const nats = await connectNats({ ...natsAccess, name: 'local-stack' }, log);
  try {
    const { state } = await nats.jsm.streams.info(stream);
    return { messages: state.messages, lastSequence: state.last_seq, bytes: state.bytes };
  } finally {
    await nats.close();
  }
}

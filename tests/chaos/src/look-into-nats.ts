import type { LocalStack } from '@gatecast/local-stack';
import { createLogger } from '@gatecast/shared/logging';
import { connectNats } from '@gatecast/shared/nats';

export interface StreamState {
  readonly messages: number;
  readonly lastSequence: number;
  readonly bytes: number;
}

/** How a stream stands now, as its leader says. */
export async function streamState({ natsUrl }: LocalStack, stream: string): Promise<StreamState> {
  const log = createLogger({ service: 'chaos', instance: 'chaos', level: 'silent' });
  const nats = await connectNats({ natsUrl, name: 'chaos' }, log);
  try {
    const { state } = await nats.jsm.streams.info(stream);
    return { messages: state.messages, lastSequence: state.last_seq, bytes: state.bytes };
  } finally {
    await nats.close();
  }
}

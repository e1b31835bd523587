import type { Nats } from '@gatecast/shared/nats';
import type { JetStreamClient, PubAck } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/nats-core';

export interface Published {
  subject: string;
  data: Uint8Array;
  headers: MsgHdrs;
}

/** As much of a connection as publishing needs. `fail` is thrown by every publish while it is set. */
export class FakeNats {
  readonly published: Published[] = [];
  fail: unknown;
  connected = true;

  asNats(): Nats {
    const js: Pick<JetStreamClient, 'publish'> = {
      publish: async (subject, data, options) => {
        if (this.fail !== undefined) throw this.fail;
        this.published.push({ subject, data: data as Uint8Array, headers: options!.headers! });
        return { stream: 'READINGS', seq: this.published.length, duplicate: false } as PubAck;
      },
    };
    return { js, isConnected: () => this.connected, untilCut: (request: unknown) => request } as unknown as Nats;
  }
}

import type { MessageHeaders, Nats } from '@gatecast/shared/nats';

export interface Published {
  subject: string;
  data: Uint8Array;
  headers: MessageHeaders;
}

/** As much of a connection as publishing needs. `fail` is thrown by every publish while it is set. */
export class FakeNats {
  readonly published: Published[] = [];
  fail: unknown;
  connected = true;

  asNats(): Nats {
    const publisher: Nats['publisher'] = {
      publish: async (subject, data, headers) => {
        if (this.fail !== undefined) throw this.fail;
        this.published.push({ subject, data, headers });
        return { sequence: this.published.length, duplicate: false };
      },
    };
    return { publisher, isConnected: () => this.connected, untilCut: (request: unknown) => request } as unknown as Nats;
  }
}

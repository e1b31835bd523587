import { type IClientOptions, Store } from 'mqtt';
import { EXTRA_IDS, FIRST_EXTRA_ID, isExtraId } from '../../domain/packet-ids.ts';

type MessageIdProvider = NonNullable<IClientOptions['messageIdProvider']>;
type Put = Parameters<Store['put']>;
type Del = Parameters<Store['del']>;

/**
 * What MQTT.js asks, by its public options, about the packets that it sends: their ids, and whether they are stored. It
 * stores nothing, so that MQTT.js has nothing to replay: repeats are ours. And it keeps MQTT.js from answering the
 * PUBREC of a lane's message: that is for the session, when our own record is durable.
 */
export class OutgoingPackets extends Store implements MessageIdProvider {
  readonly #onReceived: (packetId: number) => void;
  #given: number | undefined;
  #last = 0;
  #lastExtra = 0;

  /** @param onReceived the broker has a message and waits for its PUBREL */
  constructor(onReceived: (packetId: number) => void) {
    super();
    this.#onReceived = onReceived;
  }

  /** The id of the next packet: the given one, or undefined for one of those for births and wills. */
  use(packetId: number | undefined): void {
    this.#given = packetId;
  }

  allocate(): number {
    const packetId = this.#given ?? FIRST_EXTRA_ID + (this.#lastExtra++ % EXTRA_IDS);
    this.#given = undefined;
    this.#last = packetId;
    return packetId;
  }

  getLastAllocated(): number {
    return this.#last;
  }

  register(): boolean {
    return true;
  }

  deallocate(): void {}

  clear(): void {}

  override put(packet: Put[0], done: Put[1]): this {
    const { messageId = 0 } = packet;
    if (packet.cmd === 'pubrel' && !isExtraId(messageId)) this.#onReceived(messageId);
    else done();
    return this;
  }

  override del(_packet: Del[0], done: Del[1]): this {
    done();
    return this;
  }

  override get(_packet: Del[0], done: Del[1]): this {
    done(new Error('nothing is stored'));
    return this;
  }
}

import type { Socket } from 'node:net';

/** What the proxy does to bytes; shared by all pipes, so that a change reaches connections that are open. */
export interface ProxyLink {
  /** Nothing moves: neither bytes nor the end of a connection. */
  isBlackhole: boolean;
  delayMs: number;
  /** For each pipe. */
  bytesPerSecond: number;
}

interface Chunk {
  /** Undefined: the source has ended. */
  readonly bytes: Buffer | undefined;
  readonly arrivedAt: number;
}

const MAX_QUEUED_BYTES = 1_048_576;
/** A throttled pipe moves in steps of about this long. */
const THROTTLE_STEP_MS = 20;

/** One direction of a proxied connection. */
export class ProxyPipe {
  /** Bytes handed to the sink so far. */
  forwarded = 0;
  /** At this many bytes the pipe stops and calls `onLimit`. */
  limit = Number.POSITIVE_INFINITY;
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #link: ProxyLink;
  readonly #onLimit: () => void;
  readonly #queue: Chunk[] = [];
  #queuedBytes = 0;
  #throttledUntil = 0;
  #isSinkFull = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Socket, sink: Socket, link: ProxyLink, onLimit: () => void) {
    this.#source = source;
    this.#sink = sink;
    this.#link = link;
    this.#onLimit = onLimit;
    source.on('data', (bytes) => this.#push(bytes as Buffer));
    source.on('end', () => this.#push(undefined));
    sink.on('connect', () => this.pump());
    sink.on('drain', () => {
      this.#isSinkFull = false;
      this.pump();
    });
    source.once('close', () => this.stop());
  }

  /** Moves what may move now; called whenever something has changed. */
  pump(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    for (let head = this.#queue[0]; head !== undefined && this.#canMove(); head = this.#queue[0]) {
      const waitMs = Math.max(head.arrivedAt + this.#link.delayMs, this.#throttledUntil) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        break;
      }
      this.#move(head);
    }
    this.#readOrPause();
  }

  /** For good; the source is not read any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#source.pause();
  }

  #push(bytes: Buffer | undefined): void {
    this.#queue.push({ bytes, arrivedAt: performance.now() });
    this.#queuedBytes += bytes?.length ?? 0;
    this.pump();
  }

  #canMove(): boolean {
    return !this.#link.isBlackhole && !this.#sink.pending && !this.#isSinkFull && this.#sink.writable;
  }

  #move(head: Chunk): void {
    if (head.bytes === undefined) {
      this.#queue.shift();
      this.#sink.end();
      return;
    }
    const piece = head.bytes.subarray(0, this.#pieceSize());
    if (piece.length === head.bytes.length) this.#queue.shift();
    else this.#queue[0] = { bytes: head.bytes.subarray(piece.length), arrivedAt: head.arrivedAt };
    this.#queuedBytes -= piece.length;
    this.forwarded += piece.length;
    this.#throttledUntil = performance.now() + (piece.length / this.#link.bytesPerSecond) * 1_000;
    this.#isSinkFull = !this.#sink.write(piece);
    if (this.forwarded >= this.limit) {
      this.#queue.length = 0;
      this.#onLimit();
    }
  }

  #pieceSize(): number {
    const step = Math.max(1, Math.floor((this.#link.bytesPerSecond * THROTTLE_STEP_MS) / 1_000));
    return Math.min(step, this.limit - this.forwarded);
  }

  /** An unread source makes its peer wait, and its end goes unnoticed, as with packets that do not arrive. */
  #readOrPause(): void {
    if (this.#link.isBlackhole || this.#queuedBytes > MAX_QUEUED_BYTES) this.#source.pause();
    else this.#source.resume();
  }
}

/** What a stream holds and may hold. */
export interface StreamSize {
  readonly bytes: number;
  /** 0: no limit. */
  readonly maxBytes: number;
  /** Of the stream's newest message. */
  readonly lastSequence: number;
}

/**
 * How full a stream is between two looks at it: what was seen last, and what this process has put into it since. A burst
 * can fill a stream faster than anybody looks. What others put in meanwhile is seen at the next look.
 */
export class FillEstimate {
  #seen: StreamSize = { bytes: 0, maxBytes: 0, lastSequence: 0 };
  /** Stored, and not in what was seen. */
  #stored: { sequence: number; bytes: number }[] = [];
  #storedBytes = 0;
  /** Sent, and not answered yet. */
  #underWay = 0;

  /** 0 … 1, and above it when more was sent than there is room for; 0 without a limit. */
  get ratio(): number {
    const { bytes, maxBytes } = this.#seen;
    return maxBytes > 0 ? (bytes + this.#storedBytes + this.#underWay) / maxBytes : 0;
  }

  sending(bytes: number): void {
    this.#underWay += bytes;
  }

  /** What was sent is in the stream; undefined: perhaps, it counts until the next look. */
  stored(bytes: number, sequence: number | undefined): void {
    this.#underWay -= bytes;
    if (sequence !== undefined && sequence <= this.#seen.lastSequence) return;
    this.#stored.push({ sequence: sequence ?? 0, bytes });
    this.#storedBytes += bytes;
  }

  /** What was sent is not in the stream, or was there before. */
  notStored(bytes: number): void {
    this.#underWay -= bytes;
  }

  seen(size: StreamSize): void {
    this.#seen = size;
    this.#stored = this.#stored.filter(({ sequence }) => sequence > size.lastSequence);
    this.#storedBytes = this.#stored.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

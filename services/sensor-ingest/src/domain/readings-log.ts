export interface ReadingsBatch {
  gatewayId: string;
  incarnation: string;
  /** Recognises a repeated batch. */
  contentId: string;
  /** A valid MeasurementRequest, byte for byte as it came. */
  body: Uint8Array;
}

export interface Appended {
  /** Where in the log the batch is. */
  sequence: number;
  /** It was there before. */
  duplicate: boolean;
}

/** The durable log that accepted readings go into. */
export interface ReadingsLog {
  /** Whether it can be reached; cheap. */
  isConnected(): boolean;
  /** Whether it has room for this gateway's readings, as far as is known without asking; cheap. */
  hasRoom(gatewayId: string): boolean;
  /**
   * Resolves once the batch is stored, or was already.
   * @throws {GatecastError} `STORAGE_FULL`, `NATS_UNAVAILABLE` (not stored); `OUTCOME_UNKNOWN` (may be stored: sending
   * the same batch again is harmless)
   */
  append(batch: ReadingsBatch): Promise<Appended>;
}

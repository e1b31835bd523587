export interface Stamp {
  /** Of the first reading of the request; the gateway's own count, without gaps. */
  sequence: number;
  /** When the request was due; ms since the epoch, with fractions. */
  sentAt: number;
}

/**
 * A gateway's request: one reading of each of `batch` sensors, six values each. With a stamp each reading also carries
 * its number and the time it was sent, as two more values: they come out at the broker digit for digit.
 * @param time Unix seconds
 */
export function requestBody(time: number, batch: number, stamp?: Stamp): string {
  const measurements = Array.from({ length: batch }, (_, index) => ({
    sensorId: `30${(0x2f00 + index).toString(16).toUpperCase()}`,
    time,
    values: {
      temperature: (20 + (time % 50) / 10).toFixed(3),
      humidity: (40 + (index % 20)).toFixed(1),
      co2: 400 + (time % 300),
      atmosphericpressure: '101325',
      battery: 0.92,
      rssi: -69,
      ...(stamp && { seq: String(stamp.sequence + index), sent: stamp.sentAt.toFixed(3) }),
    },
  }));
  return JSON.stringify({ measurements });
}

const STAMP = /"seq":"(\d+)","sent":"([\d.]+)"/;

/** The stamp of a message of the format `json`; undefined for messages that are no stamped readings. */
export function stampOf(payload: string): Stamp | undefined {
  const match = STAMP.exec(payload);
  return match === null ? undefined : { sequence: Number(match[1]), sentAt: Number(match[2]) };
}

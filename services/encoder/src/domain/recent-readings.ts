/** How many readings of a sensor are remembered: the radio repeats at once, a base's re-upload within the hour. */
const REMEMBERED = 64;

/**
 * Recognises a reading that came before: the same sensor and exactly the same time among the last 64 of that sensor.
 * Not a high-water mark: late uploads are welcome. Memory is bounded: of more than `maxSensors`, those that were not
 * heard for longest are forgotten.
 */
export class RecentReadings {
  readonly #generationSize: number;
  /** Sensors that were heard since the last change of generation … */
  #young = new Generation();
  /** … and those that were heard in the one before, and not since. */
  #old = new Generation();

  constructor(maxSensors: number) {
    this.#generationSize = Math.ceil(maxSensors / 2);
  }

  get sensors(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * Remembers a reading; true when it was known already.
   * @param incarnation of the gateway, so that a registration's readings are nobody else's repeats
   * @param timeMs ms since the epoch
   */
  isRepeat(incarnation: string, sensorId: string, timeMs: number): boolean {
    const times = this.#young.sensorsOf(incarnation).get(sensorId) ?? this.#rejuvenated(incarnation, sensorId);
    return times.isRepeat(timeMs);
  }

  #rejuvenated(incarnation: string, sensorId: string): RecentTimes {
    if (this.#young.size >= this.#generationSize) {
      this.#old = this.#young;
      this.#young = new Generation();
    }
    const times = this.#old.remove(incarnation, sensorId) ?? new RecentTimes();
    this.#young.add(incarnation, sensorId, times);
    return times;
  }
}

/** Sensors by registration and id. A batch asks for many sensors of the same registration. */
class Generation {
  size = 0;
  readonly #registrations = new Map<string, Map<string, RecentTimes>>();
  #last: { incarnation: string; sensors: Map<string, RecentTimes> } | undefined;

  sensorsOf(incarnation: string): Map<string, RecentTimes> {
    if (this.#last?.incarnation === incarnation) return this.#last.sensors;
    let sensors = this.#registrations.get(incarnation);
    if (!sensors) {
      sensors = new Map();
      this.#registrations.set(incarnation, sensors);
    }
    this.#last = { incarnation, sensors };
    return sensors;
  }

  add(incarnation: string, sensorId: string, times: RecentTimes): void {
    this.sensorsOf(incarnation).set(sensorId, times);
    this.size += 1;
  }

  remove(incarnation: string, sensorId: string): RecentTimes | undefined {
    const sensors = this.#registrations.get(incarnation);
    const times = sensors?.get(sensorId);
    if (sensors?.delete(sensorId)) this.size -= 1;
    return times;
  }
}

/** A ring of the last 64 times, which grows to that size only as it fills. */
class RecentTimes {
  #times = new Float64Array(4);
  #count = 0;
  #newest = Number.NEGATIVE_INFINITY;

  isRepeat(time: number): boolean {
    const used = Math.min(this.#count, REMEMBERED);
    if (time > this.#newest) this.#newest = time;
    else if (this.#times.subarray(0, used).includes(time)) return true;
    const at = this.#count % REMEMBERED;
    if (at >= this.#times.length) {
      const grown = new Float64Array(this.#times.length * 2);
      grown.set(this.#times);
      this.#times = grown;
    }
    this.#times[at] = time;
    this.#count += 1;
    return false;
  }
}

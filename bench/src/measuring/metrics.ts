const TIMEOUT_MS = 10_000;

/** One reading of a service's `/metrics`. */
export class Metrics {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Throws what `fetch` throws when there is no answer within 10 s. */
  static async of(adminUrl: string): Promise<Metrics> {
    const response = await fetch(`${adminUrl}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return new Metrics(await response.text());
  }

  /** Value of a metric, with its one label if it has one; 0 when it is not there. */
  value(name: string, label?: { name: string; value: string }): number {
    const labels = label === undefined ? '' : `\\{${label.name}="${label.value}"\\}`;
    return Number(new RegExp(`^${name}${labels} (.+)$`, 'm').exec(this.#text)?.[1] ?? 0);
  }
}

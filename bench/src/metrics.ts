/** One reading of a service's `/metrics`. */
export class Metrics {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static async of(adminUrl: string): Promise<Metrics> {
    return new Metrics(await (await fetch(`${adminUrl}/metrics`)).text());
  }

  /** Value of a metric without labels; 0 when it is not there. */
  value(name: string): number {
    return Number(new RegExp(`^${name} (.+)$`, 'm').exec(this.#text)?.[1] ?? 0);
  }
}

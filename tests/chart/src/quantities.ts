const units = new Map([
  ['', 1],
  ['m', 1e-3],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
]);

/** A Kubernetes quantity as a number: cores, or bytes. NaN when it is none. */
export function quantityOf(text: string | number): number {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(text));
  return match === null ? Number.NaN : Number(match[1]) * (units.get(match[2] ?? '') ?? Number.NaN);
}

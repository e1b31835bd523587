/**
 * `--seed` and `--slack` of a run, as they were given.
 * @param anySeed the seed where none was given
 * @throws {TypeError} saying what is wrong with them
 */
export function seedAndSlack(
  given: { readonly seed?: string | undefined; readonly slack: string },
  anySeed: () => number,
): { seed: number; slack: number } {
  const seed = given.seed === undefined ? anySeed() : Number(given.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new TypeError(`--seed ${given.seed} is no whole number`);
  const slack = Number(given.slack);
  if (!(slack >= 1)) throw new TypeError(`--slack ${given.slack} is no number from 1 on`);
  return { seed, slack };
}

/** What every run of scenarios takes, for `parseArgs`. */
export const RUN_FLAGS = {
  seed: { type: 'string' },
  slack: { type: 'string', default: '1' },
  list: { type: 'boolean', default: false },
  json: { type: 'string' },
  markdown: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export interface RunArguments {
  readonly seed: number;
  /** Multiplies the times that are promised. */
  readonly slack: number;
  /** Whether only to say what there is. */
  readonly list: boolean;
  /** File for the results. */
  readonly json: string | undefined;
  /** Whether tables are to be Markdown. */
  readonly markdown: boolean;
}

/**
 * The values of {@link RUN_FLAGS}, as they were given.
 * @param anySeed the seed where none was given
 * @throws {TypeError} saying what is wrong with them
 */
export function runArguments(
  given: Pick<RunArguments, 'list' | 'markdown'> & {
    readonly seed?: string | undefined;
    readonly slack: string;
    readonly json?: string | undefined;
  },
  anySeed: () => number,
): RunArguments {
  const { list, json, markdown } = given;
  const seed = given.seed === undefined ? anySeed() : Number(given.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new TypeError(`--seed ${given.seed} is no whole number`);
  const slack = Number(given.slack);
  if (!(slack >= 1)) throw new TypeError(`--slack ${given.slack} is no number from 1 on`);
  return { seed, slack, list, json, markdown };
}

import { fileURLToPath } from 'node:url';
import { run } from './command.ts';

const CHART = fileURLToPath(new URL('../../../../charts/gatecast', import.meta.url));
const VALUES = fileURLToPath(new URL('../../values/', import.meta.url));

export interface ReleaseValues {
  /** Names of files in values/, without `.yaml`; later ones go before earlier ones. */
  readonly files: readonly string[];
  /** By path; goes before the files. */
  readonly set: Readonly<Record<string, unknown>>;
}

export interface HelmOptions {
  /** Waits until everything is ready. */
  readonly wait: boolean;
  readonly timeoutMs: number;
}

/** One release of the chart. */
export class Helm {
  readonly #release: string;
  readonly #namespace: string;

  constructor(release: string, namespace: string) {
    this.#release = release;
    this.#namespace = namespace;
  }

  async install(values: ReleaseValues, options: HelmOptions): Promise<void> {
    await this.#run(['install', this.#release, CHART, ...flagsOf(values)], options);
  }

  /** With these values and no others. */
  async upgrade(values: ReleaseValues, options: HelmOptions): Promise<void> {
    await this.#run(['upgrade', this.#release, CHART, '--reset-values', ...flagsOf(values)], options);
  }

  /** To the revision before. */
  async rollback(options: HelmOptions): Promise<void> {
    await this.#run(['rollback', this.#release], options);
  }

  async uninstall(options: HelmOptions): Promise<void> {
    await this.#run(['uninstall', this.#release], options);
  }

  /** What the tests of the chart say. @throws {Error} when one fails */
  test(timeoutMs: number): Promise<string> {
    return this.#run(['test', this.#release], { wait: false, timeoutMs });
  }

  #run(command: readonly string[], { wait, timeoutMs }: HelmOptions): Promise<string> {
    const flags = ['--namespace', this.#namespace, '--timeout', `${Math.ceil(timeoutMs / 1000)}s`];
    if (wait) flags.push('--wait');
    // Helm ends by itself, and says why.
    return run('helm', [...command, ...flags], { timeoutMs: timeoutMs + 30_000 });
  }
}

function flagsOf({ files, set }: ReleaseValues): string[] {
  const fileFlags = files.flatMap((name) => ['--values', `${VALUES}${name}.yaml`]);
  // JSON: a tag such as 1.10 is text, and commas need no care.
  const setFlags = Object.entries(set).flatMap(([path, value]) => ['--set-json', `${path}=${JSON.stringify(value)}`]);
  return [...fileFlags, ...setFlags];
}

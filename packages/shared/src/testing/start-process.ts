import type { BindMount } from './container-process.ts';
import { ManagedProcess, type ProcessOptions } from './processes.ts';
import type { RunningProcess } from './running-process.ts';
import { testProvider } from './test-provider.ts';

/** How the same program is run in a container. */
export interface ContainerVariant {
  readonly image: string;
  /** What is given to the image's entry point. */
  readonly command: readonly string[];
  /** Folders that it has at the same path, too. */
  readonly mounts?: readonly BindMount[];
}

export interface StartProcessOptions extends ProcessOptions {
  readonly name: string;
  readonly container: ContainerVariant;
}

/** Of a process's environment, what is a setting of the program and not of this machine. */
const SETTING = /^(GATECAST|OTEL|OPENSSL|UV)_/;

/**
 * Starts a program as {@link testProvider} says.
 * @throws {TestingError} `PROCESS_NOT_STARTED`
 */
export async function startProcess({ container, ...options }: StartProcessOptions): Promise<RunningProcess> {
  if (testProvider() === 'processes') return ManagedProcess.start(options);
  const { ContainerProcess } = await import('./container-process.ts');
  const settings = Object.entries(options.env ?? {}).filter(([name]) => SETTING.test(name));
  return ContainerProcess.start({
    ...container,
    name: options.name,
    env: Object.fromEntries(settings) as Record<string, string>,
    ...(options.maxLines !== undefined && { maxLines: options.maxLines }),
    ...(options.onLine && { onLine: options.onLine }),
  });
}

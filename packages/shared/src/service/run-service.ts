import closeWithGrace from 'close-with-grace';
import { isGatecastError } from '../errors/index.ts';
import { type Clock, Lifecycle, systemClock } from '../lifecycle/index.ts';
import { createLogger, type Logger, type LogLevel } from '../logging/index.ts';
import { startTelemetry } from '../telemetry/index.ts';

export interface ServiceContext<C> {
  config: C;
  log: Logger;
  clock: Clock;
  lifecycle: Lifecycle;
}

export interface ServiceDefinition<C> {
  name: string;
  /** Reads and checks the settings. @throws {GatecastError} `CONFIG_INVALID` */
  config: (env: Record<string, string | undefined>) => C;
  /** Starts the service; registers on `lifecycle` how its parts stop. */
  start: (context: ServiceContext<C>) => Promise<void>;
  /** Force time: a stop that takes longer ends the process with exit code 1, ms. */
  stopDeadlineMs: number;
}

const EXIT_CONFIG = 78; // EX_CONFIG of sysexits.h: restarting will not help

/**
 * The process around a service: settings, logging, telemetry, signals and exit code. The only caller of it is a
 * service's `main.ts`.
 */
export async function runService<C extends { instance: string; logLevel: LogLevel }>(
  definition: ServiceDefinition<C>,
  env: Record<string, string | undefined>,
): Promise<void> {
  const { name, stopDeadlineMs } = definition;
  let config: C;
  try {
    config = definition.config(env);
  } catch (error) {
    if (!isGatecastError(error, 'CONFIG_INVALID')) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = EXIT_CONFIG;
    return;
  }
  const log = createLogger({ service: name, instance: config.instance, level: config.logLevel });
  const telemetry = await startTelemetry(name, config.instance, env);
  const lifecycle = new Lifecycle(log, systemClock);
  lifecycle.onStop('telemetry', 5_000, () => telemetry.stop());
  closeWithGrace({ delay: stopDeadlineMs, logger: false }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'uncaught error');
    else log.info({ signal }, 'asked to stop');
    const clean = await lifecycle.stop();
    if (!clean) throw new Error('the service did not stop cleanly');
  });
  try {
    await definition.start({ config, log, clock: systemClock, lifecycle });
    lifecycle.started();
  } catch (error) {
    if (lifecycle.state !== 'starting') return; // asked to stop meanwhile: whoever was asked ends the process
    log.fatal({ err: error }, 'could not start');
    await lifecycle.stop();
    process.exit(1);
  }
}

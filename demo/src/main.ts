import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArguments, USAGE, UsageError } from './arguments.ts';
import { runDemo } from './demo.ts';
import { watchParent } from './parent-watch.ts';
import { LiveView } from './view/live-view.ts';
import { PlainView } from './view/plain-view.ts';
import type { View } from './view/view.ts';

const EXIT_USAGE = 2;

// Services compiled once start a third faster. In the tools cache of the repository, which git ignores.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../../.tools/compile-cache', import.meta.url));

/** Aborted by a signal, by the end of the parent, or by that of whoever reads our output. A second signal ends at once. */
function stopRequested(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(128 + constants.signals[signal]);
      stop.abort();
    });
  }
  watchParent(() => stop.abort());
  process.stdout.on('error', () => stop.abort());
  process.stderr.on('error', () => stop.abort());
  return stop.signal;
}

function telemetryEnv(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => name.startsWith('OTEL_'));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parseArguments(argv);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const { stdout } = process;
  const view: View = stdout.isTTY ? new LiveView(stdout) : new PlainView((text) => void stdout.write(text));
  const uptimeMs = () => performance.now();
  return await runDemo(options, { view, telemetryEnv: telemetryEnv(), uptimeMs, signal: stopRequested() });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}

import { lastLine } from './context.mjs';

/**
 * Runs a program that may well fail: what went wrong comes back as one line.
 *
 * @param {import('./context.mjs').Context} context
 * @param {string} command
 * @param {readonly string[]} args
 * @param {number} timeoutMs
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ problem: string | undefined, output: string }>}
 */
export async function attempt(context, command, args, timeoutMs, options = {}) {
  try {
    const exit = await context.run(command, args, { env: context.env, ...options, output: 'capture', timeoutMs });
    context.throwIfStopped();
    if (exit.timedOut) return { problem: `no end after ${timeoutMs / 1000} s`, output: exit.output };
    const problem = exit.code === 0 ? undefined : lastLine(exit.output) || `it ended with ${exit.code}`;
    return { problem, output: exit.output };
  } catch (error) {
    context.throwIfStopped();
    return { problem: error instanceof Error ? error.message : String(error), output: '' };
  }
}

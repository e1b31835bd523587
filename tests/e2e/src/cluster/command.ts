import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface CommandOptions {
  readonly input?: string;
  /** Then it is killed. Default 60,000. */
  readonly timeoutMs?: number;
}

/** A program ended with an error, or could not be started. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Runs a program, and returns what it wrote to its output. @throws {CommandError} with what it wrote to its error output */
export async function run(
  program: string,
  args: readonly string[],
  { input = '', timeoutMs = 60_000 }: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, { stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL' });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) => {
      if (signal !== null) resolve(`ended by ${signal}, after at most ${timeoutMs / 1000} s`);
      else resolve(code === 0 ? undefined : `exit code ${code}`);
    });
  });
  child.stdin.on('error', () => undefined); // it did not want all of it, and says why
  child.stdin.end(input);
  const [output, errors, failure] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (failure === undefined) return output;
  throw new CommandError(`${program} ${args.join(' ')}: ${failure}\n${errors.trim() || output.trim()}`);
}

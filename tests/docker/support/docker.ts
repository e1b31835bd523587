import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs `docker …` in the root of the repository. Rejects with what it said. */
export async function docker(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return (await dockerOutput(args, env)).stdout.trim();
}

/** The same, with what it said beside. */
export async function dockerOutput(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ stdout: string; stderr: string }> {
  const options = { cwd: ROOT, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
  return await run('docker', [...args], options);
}

export async function engineVersion(): Promise<string> {
  try {
    return await docker(['version', '--format', '{{.Server.Version}}']);
  } catch (error) {
    throw new Error('these tests need a Docker engine, and none answers', { cause: error });
  }
}

export async function inspect<T>(kind: 'image' | 'container' | 'network', name: string, format: string): Promise<T> {
  return JSON.parse(await docker([kind, 'inspect', name, '--format', `{{json ${format}}}`])) as T;
}

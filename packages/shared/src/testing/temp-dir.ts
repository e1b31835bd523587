import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const live = new Set<string>();

function removeAll(): void {
  for (const path of live) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // the process is ending and has no one to tell; the system's own cleaning takes the rest
    }
  }
}

/** A directory of a test's own, removed at the latest when the process ends. */
export class TempDir {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(name: string): Promise<TempDir> {
    const path = await mkdtemp(join(tmpdir(), `gatecast-${name}-`));
    if (live.size === 0) process.once('exit', removeAll);
    live.add(path);
    return new TempDir(path);
  }

  async remove(): Promise<void> {
    live.delete(this.path);
    if (live.size === 0) process.removeListener('exit', removeAll);
    await rm(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}

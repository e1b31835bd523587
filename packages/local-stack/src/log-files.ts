import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

/** What the processes say, a file each, in a new folder of the system's temporary directory. */
export class LogFiles {
  readonly folder: string;
  readonly #files = new Map<string, WriteStream>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(name: string): Promise<LogFiles> {
    return new LogFiles(await mkdtemp(join(tmpdir(), `gatecast-${name}-`)));
  }

  write(process: string, line: string): void {
    let file = this.#files.get(process);
    if (file === undefined) {
      file = createWriteStream(join(this.folder, `${process}.log`), { mode: 0o600 });
      this.#files.set(process, file);
    }
    file.write(`${line}\n`);
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) file.end();
    await Promise.all(files.map((file) => finished(file)));
  }

  /** Closes and deletes them. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagedProcess, type ProcessExit, TempDir } from '@gatecast/shared/testing';
import type { SimulatorSettings } from './simulator/settings.ts';

const MAIN = fileURLToPath(new URL('simulator/main.ts', import.meta.url));
const READY_TIMEOUT_MS = 20_000;
const STOP_GRACE_MS = 3_000;

/** The simulated gateways, as a process of their own. */
export class SimulatorProcess {
  readonly #process: ManagedProcess;
  readonly #dir: TempDir;

  private constructor(process: ManagedProcess, dir: TempDir) {
    this.#process = process;
    this.#dir = dir;
  }

  /** Resolves once the gateways measure. @throws {TestingError} what it said when it did not start */
  static async start(settings: SimulatorSettings, onLine: (line: string) => void): Promise<SimulatorProcess> {
    const dir = await TempDir.create('simulator');
    const file = join(dir.path, 'settings.json');
    await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
    const simulator = await ManagedProcess.start({
      name: 'simulator',
      command: process.execPath,
      args: ['--conditions=development', MAIN, file],
      onLine,
    });
    const started = new SimulatorProcess(simulator, dir);
    try {
      await simulator.waitForLine(/"message":"ready"/, { timeoutMs: READY_TIMEOUT_MS });
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  get exit(): Promise<ProcessExit> {
    return this.#process.exit;
  }

  get log(): readonly string[] {
    return this.#process.lines;
  }

  async stop(): Promise<void> {
    await this.#process.stop({ graceMs: STOP_GRACE_MS });
    await this.#dir.remove();
  }
}

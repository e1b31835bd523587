import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@gatecast/shared/testing';

export interface ConstructorShare {
  /** Of objects their constructor; in parentheses V8's own kinds, such as `(closure)`. */
  name: string;
  count: number;
  /** Own size, without what they refer to. */
  bytes: number;
}

/** The parts of a V8 heap snapshot that are needed here: nodes lie flat, so many numbers each. */
interface HeapSnapshot {
  snapshot: { meta: { node_fields: string[]; node_types: [string[], ...unknown[]] } };
  nodes: number[];
  strings: string[];
}

const DEADLINE_MS = 60_000;

/** Heap snapshots of processes that were started with {@link flags}. */
export class HeapSnapshots {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  get flags(): string[] {
    return ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${this.#dir}`];
  }

  /** What a process holds, largest first. It does nothing else while it writes that down. */
  async take(pid: number): Promise<ConstructorShare[]> {
    process.kill(pid, 'SIGUSR2');
    let size = -1;
    const path = await waitFor(
      async () => {
        const [file] = (await readdir(this.#dir)).filter((name) => name.endsWith('.heapsnapshot'));
        if (file === undefined) return undefined;
        const before = size;
        size = (await stat(join(this.#dir, file))).size;
        return size > 0 && size === before ? join(this.#dir, file) : undefined;
      },
      { timeoutMs: DEADLINE_MS, intervalMs: 1_000, describe: 'a heap snapshot' },
    );
    return summariseHeap(JSON.parse(await readFile(path, 'utf8')) as HeapSnapshot);
  }
}

/** Own size by constructor, largest first. */
export function summariseHeap({ snapshot, nodes, strings }: HeapSnapshot): ConstructorShare[] {
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [typeAt, nameAt, sizeAt] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field)) as [
    number,
    number,
    number,
  ];
  const shares = new Map<string, ConstructorShare>();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const type = types[0][nodes[node + typeAt] ?? -1] ?? 'unknown';
    const name = type === 'object' || type === 'native' ? (strings[nodes[node + nameAt] ?? -1] ?? '') : `(${type})`;
    const share = shares.get(name) ?? { name, count: 0, bytes: 0 };
    share.count += 1;
    share.bytes += nodes[node + sizeAt] ?? 0;
    shares.set(name, share);
  }
  return [...shares.values()].toSorted((a, b) => b.bytes - a.bytes);
}

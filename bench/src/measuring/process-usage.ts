import { readFile } from 'node:fs/promises';

/** Clock ticks a second in /proc, on every Linux that Node runs on. */
const TICKS = 100;
const KIB_PER_MIB = 1024;

/** User and system time of a process, s; NaN where there is no /proc. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  try {
    return cpuSecondsIn(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return Number.NaN;
  }
}

export interface Memory {
  /** Now, MiB. */
  rss: number;
  /** The highest so far, MiB. */
  peak: number;
}

/** NaN where there is no /proc. */
export async function memoryOf(pid: number): Promise<Memory> {
  try {
    return memoryIn(await readFile(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return { rss: Number.NaN, peak: Number.NaN };
  }
}

/** The second field is the program's name in parentheses, which may hold anything. */
export function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

export function memoryIn(status: string): Memory {
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / KIB_PER_MIB;
  return { rss: mib('VmRSS'), peak: mib('VmHWM') };
}
